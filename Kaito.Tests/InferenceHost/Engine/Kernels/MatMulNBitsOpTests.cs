using Kaito.InferenceHost.Engine;
using Kaito.InferenceHost.Engine.Kernels;
using Kaito.ModelBuilder.Decoder;
using Kaito.Tests.ModelBuilder;

namespace Kaito.Tests.InferenceHost.Engine.Kernels;

/// <summary>Our kernel inside ONNX Runtime: whole models with it and without.</summary>
public sealed class MatMulNBitsOpTests : IDisposable
{
    private readonly ScratchFolder _scratch = new();

    public MatMulNBitsOpTests() => Assert.SkipUnless(BlockProduct.IsSupported, "The processor lacks AVX-512BW.");

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("Int4", 32)]
    [InlineData("Int4Block128", 128)]
    public void Logits_OfOurKernel_AreAsExactAsThoseOfOnnxRuntime(string precision, int blockSize)
    {
        var model = Write(precision, new SeededDecoder());
        using var own = SlotEngine.Load(model, new() { Threads = 2 });
        using var theirs = SlotEngine.Load(model, new() { Threads = 2, Kernel = MatMulKernel.OnnxRuntime });
        using var exact = SlotEngine.Load(
            Write("Float32", new RoundedWeights(new SeededDecoder(), new(4, blockSize))), new() { Threads = 2 });

        Assert.True(own.HasOwnKernels);
        Assert.False(theirs.HasOwnKernels);
        for (var id = 0; id < 4; id++)
        {
            var expected = Logits(exact, id);
            Assert.InRange(Distance(Logits(own, id), expected), 0, 1.25 * Distance(Logits(theirs, id), expected));
        }
    }

    [Theory]
    [InlineData("Int8")]
    [InlineData("Float32")]
    public void Load_WeightsOfAnotherForm_AreLeftToOnnxRuntime(string precision)
    {
        using var engine = SlotEngine.Load(Write(precision, new SeededDecoder()), new() { Threads = 2 });

        Assert.False(engine.HasOwnKernels);
        Assert.Equal(SeededDecoder.SmallShape.Vocabulary, Logits(engine, 1).Length);
    }

    [Fact]
    public void Load_BrokenGraph_SaysWhatOnnxRuntimeSays()
    {
        var model = Write("Int4", new SeededDecoder());
        File.WriteAllBytes(model.Decoder.File, [1, 2, 3]);

        var error = Assert.Throws<ModelFolderException>(() => SlotEngine.Load(model, new()));

        Assert.Contains("not loadable", error.Message, StringComparison.Ordinal);
    }

    private static double Distance(float[] actual, float[] expected) =>
        Math.Sqrt(expected.Zip(actual, static (a, b) => (double)(a - b) * (a - b)).Sum());

    private ModelFolder Write(string precision, IDecoderWeights weights)
    {
        var folder = _scratch.Path(precision);
        SeededDecoder.Write(folder, SeededDecoder.SmallShape, weights, Enum.Parse<WeightPrecision>(precision));
        return ModelFolder.Read(folder);
    }

    // After a prompt of several lengths.
    private static float[] Logits(SlotEngine engine, int id)
    {
        var sampler = new KeepingSampler();
        EngineRun.Alone(engine, new(id, EngineRun.RandomPrompt(id, 1 + (id * 11), SeededDecoder.SmallShape.Vocabulary), 1, sampler));
        return sampler.Take();
    }
}
