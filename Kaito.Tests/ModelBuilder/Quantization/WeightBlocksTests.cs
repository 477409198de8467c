using Kaito.ModelBuilder.Decoder;
using Kaito.ModelBuilder.Quantization;

namespace Kaito.Tests.ModelBuilder.Quantization;

public sealed class WeightBlocksTests
{
    private static readonly DecoderShape s_shape = new()
    {
        Layers = 3,
        Hidden = 256,
        Heads = 8,
        KeyValueHeads = 4,
        HeadSize = 32,
        Intermediate = 720,
        Vocabulary = 500,
        Context = 64,
        NormEpsilon = 1e-5f,
        Rope = new DefaultRope(10000),
    };

    [Theory]
    [InlineData(64, 4, 32)]
    [InlineData(40, 4, 32)]
    [InlineData(7, 4, 32)]
    [InlineData(300, 4, 128)]
    [InlineData(300, 8, 128)]
    public void Quantize_RandomMatrix_IsOffByAtMostAScale(int width, int bits, int blockSize)
    {
        const int Rows = 9;
        var matrix = SeededDecoder.Normals("matrix", Rows * width, 1);

        var blocks = WeightBlocks.Quantize(matrix, Rows, width, new(bits, blockSize));

        var restored = blocks.Dequantize(Rows, width);
        var squares = 0f;
        for (var i = 0; i < matrix.Length; i++)
        {
            var scale = MathF.Abs(blocks.Scales[(i / width * blocks.PerRow) + (i % width / blockSize)]);
            var error = MathF.Abs(matrix[i] - restored[i]);
            Assert.InRange(error, 0, scale * 1.0001f);
            squares += error * error / (scale * scale);
        }

        // Rounding to the nearest of evenly spaced codes: 1/12 of a squared scale in the mean, plus the clipped end.
        Assert.InRange(squares / matrix.Length, 0, 0.12f);
    }

    [Theory]
    [InlineData(3f, 4)]
    [InlineData(-3f, 4)]
    [InlineData(3f, 8)]
    [InlineData(-3f, 8)]
    public void Quantize_LargestOfABlock_IsExact(float largest, int bits)
    {
        var matrix = SeededDecoder.Normals("block", 32, 0.5);
        matrix[5] = largest;

        Assert.Equal(largest, WeightBlocks.Quantize(matrix, 1, 32, new(bits, 32)).Dequantize(1, 32)[5]);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(8)]
    public void Quantize_Zeros_StayZero(int bits) => Assert.All(
        WeightBlocks.Quantize(new float[64], 2, 32, new(bits, 32)).Dequantize(2, 32), value => Assert.Equal(0f, value));

    [Theory]
    [InlineData("Int4", 4, 32)]
    [InlineData("Int4Block128", 4, 128)]
    [InlineData("Int8", 8, 32)]
    public void Graph_OverRoundedWeights_EqualsFloat32Graph(string precision, int bits, int blockSize)
    {
        // Only the 8-bit activations of the kernel differ then: 3 % of the logits' deviation.
        var error = RelativeError(Enum.Parse<WeightPrecision>(precision), weights => new RoundedWeights(weights, new(bits, blockSize)));

        Assert.InRange(error, 0, 0.03);
    }

    // Normal weights have no structure to keep: with 4 bits each product is off by a tenth, and seven in a row add up; with 8
    // bits hardly more than the kernel's 8-bit activations remain.
    [Theory]
    [InlineData("Int4", 0.35)]
    [InlineData("Int8", 0.04)]
    public void Graph_OverRandomWeights_StaysNearFloat32Graph(string precision, double most)
    {
        var error = RelativeError(Enum.Parse<WeightPrecision>(precision), weights => weights);

        Assert.InRange(error, 0.001, most);
    }

    // Root mean square of the difference to the float32 graph, in units of the float32 logits' own.
    private static double RelativeError(WeightPrecision precision, Func<IDecoderWeights, IDecoderWeights> reference)
    {
        using var scratch = new ScratchFolder();
        var weights = new SeededDecoder();
        SeededDecoder.Write(scratch.Path("reference"), s_shape, reference(weights), WeightPrecision.Float32);
        SeededDecoder.Write(scratch.Path("quantized"), s_shape, weights, precision);
        var tokens = Enumerable.Range(0, 24).Select(i => (i * 37) % s_shape.Vocabulary).ToArray();
        var expected = Logits(scratch.Path("reference"), tokens);
        var actual = Logits(scratch.Path("quantized"), tokens);
        var difference = expected.Zip(actual).Sum(pair => Math.Pow(pair.First - pair.Second, 2));
        return Math.Sqrt(difference / expected.Sum(value => (double)value * value));
    }

    private static float[] Logits(string folder, int[] tokens)
    {
        using var session = new DecoderSession(folder, s_shape.Layers, s_shape.KeyValueHeads, s_shape.HeadSize);
        return [.. session.Logits(tokens).SelectMany(row => row)];
    }
}
