using Kaito.InferenceHost.Engine.Kernels;
using Kaito.ModelBuilder.Quantization;
using Kaito.Tests.ModelBuilder;

namespace Kaito.Tests.InferenceHost.Engine.Kernels;

/// <summary>Products of 4-bit weights against those of the same weights in 32 bits.</summary>
public sealed unsafe class BlockProductTests
{
    public BlockProductTests() => Assert.SkipUnless(BlockProduct.IsSupported, "The processor lacks AVX-512BW.");

    [Theory]
    [InlineData(1, 32, 16, 32)]
    [InlineData(1, 256, 1, 32)]
    [InlineData(2, 1024, 65, 32)]
    [InlineData(3, 96, 33, 32)]
    [InlineData(4, 128, 100, 64)]
    [InlineData(5, 2816, 31, 32)]
    [InlineData(7, 160, 18, 32)]
    [InlineData(9, 384, 130, 128)]
    [InlineData(13, 256, 20, 64)]
    [InlineData(14, 96, 16, 32)]
    [InlineData(40, 1024, 48, 32)]
    [InlineData(3, 100, 20, 32)]
    [InlineData(2, 17, 5, 128)]
    public void Multiply_AnyShape_IsOffByTheRoundingOfTheRowsAlone(int rows, int width, int outputs, int blockSize)
    {
        var matrix = Matrix(outputs, width, blockSize);
        var input = SeededDecoder.Normals("rows", rows * width, 3);

        var product = Multiply(matrix, input, rows, width, outputs);

        var weights = matrix.Dequantize(outputs, width);
        for (var row = 0; row < rows; row++)
        {
            for (var output = 0; output < outputs; output++)
            {
                var (expected, error) = Reference(
                    input.AsSpan(row * width, width), weights.AsSpan(output * width, width), blockSize);
                Assert.InRange(product[(row * outputs) + output], expected - error, expected + error);
            }
        }
    }

    [Theory]
    [InlineData(32)]
    [InlineData(128)]
    public void Multiply_RowsThatRoundToThemselves_IsExact(int blockSize)
    {
        const int Rows = 6;
        const int Width = 256;
        const int Outputs = 48;
        var matrix = Matrix(Outputs, Width, blockSize, scale: 0.25f);

        // Whole numbers with 127 in each block: their scale is 1.
        var input = Enumerable.Range(0, Rows * Width).Select(i => i % 32 == 5 ? 127f : (i * 37 % 255) - 127).ToArray();

        var product = Multiply(matrix, input, Rows, Width, Outputs);

        var weights = matrix.Dequantize(Outputs, Width);
        for (var at = 0; at < product.Length; at++)
        {
            var expected = 0.0;
            for (var i = 0; i < Width; i++)
            {
                expected += (double)input[(at / Outputs * Width) + i] * weights[(at % Outputs * Width) + i];
            }

            Assert.Equal(expected, product[at]);
        }
    }

    [Theory]
    [InlineData(127f, 15)]
    [InlineData(-127f, 15)]
    [InlineData(127f, 0)]
    [InlineData(-127f, 0)]
    public void Multiply_LargestProducts_DoNotOverflow(float value, int code)
    {
        const int Width = 512;
        var codes = new byte[16 * Width / 2];
        codes.AsSpan().Fill((byte)(code | (code << 4)));
        var matrix = new WeightBlocks(new(4, 128), Width / 128, codes, [.. Enumerable.Repeat(1f, 16 * (Width / 128))]);

        var product = Multiply(matrix, [.. Enumerable.Repeat(value, 4 * Width)], 4, Width, 16);

        Assert.All(product, actual => Assert.Equal(value * (code - 8) * Width, actual));
    }

    [Fact]
    public void Multiply_OfARow_IsTheSameInEveryCompany()
    {
        const int Rows = 14;
        const int Width = 320;
        const int Outputs = 70;
        var matrix = Matrix(Outputs, Width, 32);
        var input = SeededDecoder.Normals("rows", Rows * Width, 1);
        var alone = Enumerable.Range(0, Rows)
            .Select(row => Multiply(matrix, input[(row * Width)..((row + 1) * Width)], 1, Width, Outputs))
            .ToArray();

        for (var first = 0; first < Rows; first++)
        {
            for (var count = 1; count <= Rows - first; count++)
            {
                var together = Multiply(matrix, input[(first * Width)..((first + count) * Width)], count, Width, Outputs);

                Assert.Equal(alone[first..(first + count)].SelectMany(static row => row), together);
            }
        }
    }

    [Fact]
    public void Multiply_RowsOfZeros_IsZero() =>
        Assert.All(Multiply(Matrix(16, 64, 32), new float[2 * 64], 2, 64, 16), static value => Assert.Equal(0, value));

    [Fact]
    public void Multiply_NoRows_LeavesTheOutput() => Assert.Empty(Multiply(Matrix(16, 64, 32), [], 0, 64, 16));

    [Fact]
    public void Multiply_RowWithNaN_IsNaNThereAndNowhereElse()
    {
        var input = SeededDecoder.Normals("rows", 4 * 64, 1);
        input[64 + 3] = float.NaN;

        var product = Multiply(Matrix(16, 64, 32), input, 4, 64, 16);

        Assert.Equal(
            Enumerable.Range(0, 64).Select(static at => at / 16 == 1), product.Select(static value => float.IsNaN(value)));
    }

    private static WeightBlocks Matrix(int outputs, int width, int blockSize, float? scale = null)
    {
        var blocks = WeightBlocks.Quantize(
            SeededDecoder.Normals("weights", outputs * width, 0.02), outputs, width, new(4, blockSize));
        return scale is { } same ? blocks with { Scales = [.. blocks.Scales.Select(_ => same)] } : blocks;
    }

    private static float[] Multiply(WeightBlocks matrix, float[] input, int rows, int width, int outputs)
    {
        var output = new float[rows * outputs];
        var weights = PackedWeights.Pack(matrix.Packed, matrix.Scales, width, outputs, matrix.Form.Size);
        try
        {
            fixed (float* from = input, to = output)
            {
                BlockProduct.Multiply(weights, from, rows, to, default);
            }
        }
        finally
        {
            PackedWeights.Free(weights);
        }

        return output;
    }

    // A number of a row is off by half of a 127th of the largest in its block, and what adds up by its own rounding.
    private static (double Value, double Error) Reference(ReadOnlySpan<float> row, ReadOnlySpan<float> weights, int block)
    {
        var (value, error) = (0.0, 1e-6);
        for (var start = 0; start < row.Length; start += block)
        {
            var end = Math.Min(start + block, row.Length);
            var largest = 0.0;
            foreach (var number in row[start..end])
            {
                largest = Math.Max(largest, Math.Abs(number));
            }

            for (var i = start; i < end; i++)
            {
                value += (double)row[i] * weights[i];
                error += Math.Abs(weights[i]) * largest * (0.5001 / 127);
            }
        }

        return (value, error);
    }
}
