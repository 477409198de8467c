using Kaito.InferenceHost.Engine;
using Kaito.InferenceHost.Engine.Kernels;
using Kaito.ModelBuilder.Decoder;
using Kaito.Tests.ModelBuilder;

namespace Kaito.Tests.InferenceHost.Engine;

/// <summary>The kernels of quantized weights: what shares a batch with a sequence changes nothing of it.</summary>
public sealed class QuantizedBatchTests
{
    [Theory]
    [InlineData("Int4", "Auto")]
    [InlineData("Int4Block128", "Auto")]
    [InlineData("Int4", "OnnxRuntime")]
    [InlineData("Int8", "OnnxRuntime")]
    public void Logits_OfSequencesJoiningAndLeaving_EqualThoseOfTheirSoloRuns(string precision, string kernel)
    {
        // Of larger blocks, kernels of ONNX Runtime add in another order when there are more rows.
        Assert.SkipUnless(
            BlockProduct.IsSupported || kernel == "OnnxRuntime" || precision == "Int4", "The processor lacks AVX-512BW.");
        using var scratch = new ScratchFolder();
        SeededDecoder.Write(scratch.Path("model"), SeededDecoder.SmallShape, new SeededDecoder(), Enum.Parse<WeightPrecision>(precision));
        using var engine = SlotEngine.Load(
            ModelFolder.Read(scratch.Path("model")),
            new()
            {
                MaxSequences = 6,
                PrefillTokens = 16,
                PrefillShare = 1,
                PrefixBytes = 0,
                Threads = 2,
                Kernel = Enum.Parse<MatMulKernel>(kernel),
            });
        var sequences = Enumerable.Range(0, 18).Select(Sequence).ToArray();
        var alone = sequences.Select(sequence =>
        {
            EngineRun.Alone(engine, sequence);
            return ((KeepingSampler)sequence.Sampler).Take();
        }).ToArray();
        var run = new EngineRun(engine);

        run.StepAll(sequences);

        Assert.All(sequences, sequence => Assert.Equal(
            alone[sequence.Id], ((KeepingSampler)sequence.Sampler).Take()));
    }

    private static EngineSequence Sequence(int id) => new(
        id, EngineRun.RandomPrompt(id, 1 + (id * 7 % 40), SeededDecoder.SmallShape.Vocabulary), 1 + (id * 11 % 30), new KeepingSampler());
}
