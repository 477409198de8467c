using Kaito.ModelBuilder.Decoder;
using Kaito.ModelBuilder.Folders;
using Kaito.ModelBuilder.Tiny;

namespace Kaito.Tests.ModelBuilder;

/// <summary>Weights drawn from their names: normal in matrices, over the root of their inputs; ones in vectors.</summary>
internal sealed class SeededDecoder : IDecoderWeights
{
    /// <summary>Two layers; its vocabulary fills no whole number of a kernel's groups.</summary>
    public static DecoderShape SmallShape { get; } = new()
    {
        Layers = 2,
        Hidden = 256,
        Heads = 8,
        KeyValueHeads = 4,
        HeadSize = 32,
        Intermediate = 704,
        Vocabulary = 500,
        Context = 256,
        NormEpsilon = 1e-5f,
        Rope = new DefaultRope(10000),
    };

    public float[] Read(string name, params ReadOnlySpan<int> shape) => shape.Length == 1
        ? [.. Enumerable.Repeat(1f, shape[0])]
        : Normals(name, shape[0] * shape[1], 1 / Math.Sqrt(shape[1]));

    public static float[] Normals(string name, int count, double deviation)
    {
        var numbers = new SeededNumbers(name);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(numbers.NextNormal() * deviation))];
    }

    /// <summary>Writes a model folder without a tokenizer.</summary>
    public static void Write(string folder, DecoderShape shape, IDecoderWeights weights, WeightPrecision precision)
    {
        Directory.CreateDirectory(folder);
        var defaults = new GenerationDefaults { BeginToken = 0, EndTokens = [1], PadToken = 0, ModelType = "llama" };
        ModelFolder.WriteModel(folder, shape, weights, precision, defaults);
    }
}
