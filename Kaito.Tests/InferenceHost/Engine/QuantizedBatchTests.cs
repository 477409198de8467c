using System.Numerics.Tensors;
using Kaito.InferenceHost.Engine;
using Kaito.ModelBuilder.Decoder;
using Kaito.Tests.ModelBuilder;

namespace Kaito.Tests.InferenceHost.Engine;

/// <summary>The kernels of quantized weights: what shares a batch with a sequence changes nothing of it.</summary>
public sealed class QuantizedBatchTests
{
    private static readonly DecoderShape s_shape = new()
    {
        Layers = 2,
        Hidden = 256,
        Heads = 8,
        KeyValueHeads = 4,
        HeadSize = 32,
        Intermediate = 704,
        Vocabulary = 512,
        Context = 256,
        NormEpsilon = 1e-5f,
        Rope = new DefaultRope(10000),
    };

    [Theory]
    [InlineData("Int4")]
    [InlineData("Int8")]
    public void Logits_OfSequencesJoiningAndLeaving_EqualThoseOfTheirSoloRuns(string precision)
    {
        using var scratch = new ScratchFolder();
        SeededDecoder.Write(scratch.Path("model"), s_shape, new SeededDecoder(), Enum.Parse<WeightPrecision>(precision));
        using var engine = SlotEngine.Load(
            ModelFolder.Read(scratch.Path("model")), new() { MaxSequences = 6, PrefillTokens = 16, Threads = 2, PrefixBytes = 0, PrefillShare = 1 });
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
        id, EngineRun.RandomPrompt(id, 1 + (id * 7 % 40), s_shape.Vocabulary), 1 + (id * 11 % 30), new KeepingSampler());

    // Greedy, and remembers what it saw.
    private sealed class KeepingSampler : ITokenSampler
    {
        private readonly List<float> _seen = [];

        public int Sample(Span<float> logits)
        {
            _seen.AddRange(logits);
            return TensorPrimitives.IndexOfMax(logits);
        }

        public float[] Take()
        {
            float[] seen = [.. _seen];
            _seen.Clear();
            return seen;
        }
    }
}
