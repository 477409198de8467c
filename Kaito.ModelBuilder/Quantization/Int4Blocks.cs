namespace Kaito.ModelBuilder.Quantization;

/// <summary>
/// A matrix in MatMulNBits form: per row, blocks of inputs share a scale; a nibble q stands for (q − 8)·scale.
/// </summary>
/// <param name="BlockSize">Inputs of a block: a power of two from 16 on.</param>
/// <param name="PerRow">Blocks in one row; the last is padded with zeros.</param>
/// <param name="Packed">[rows, PerRow, BlockSize / 2] bytes, the even input in the low nibble.</param>
/// <param name="Scales">[rows · PerRow]; negative where the block's largest element is positive.</param>
internal sealed record Int4Blocks(int BlockSize, int PerRow, byte[] Packed, float[] Scales)
{
    private const int Zero = 8;
    private const int Largest = 15;

    /// <summary>Quantises a row-major [<paramref name="rows"/>, <paramref name="width"/>] matrix.</summary>
    /// <remarks>
    /// The scale maps the element of largest magnitude to −8, the one code without a positive twin, so that element
    /// is kept exactly and the others are off by at most half a scale, or by a whole one at the opposite end.
    /// </remarks>
    public static Int4Blocks Quantize(ReadOnlySpan<float> matrix, int rows, int width, int blockSize)
    {
        var perRow = (width + blockSize - 1) / blockSize;
        var packed = new byte[(long)rows * perRow * blockSize / 2];
        var scales = new float[rows * perRow];
        for (var row = 0; row < rows; row++)
        {
            var values = matrix.Slice(row * width, width);
            for (var block = 0; block < perRow; block++)
            {
                var start = block * blockSize;
                var index = (row * perRow) + block;
                scales[index] = QuantizeBlock(
                    values[start..Math.Min(start + blockSize, width)],
                    packed.AsSpan(index * blockSize / 2, blockSize / 2));
            }
        }

        return new(blockSize, perRow, packed, scales);
    }

    /// <summary>
    /// The matrix that these codes stand for, row-major [<paramref name="rows"/>, <paramref name="width"/>].
    /// </summary>
    public float[] Dequantize(int rows, int width)
    {
        var matrix = new float[rows * width];
        for (var i = 0; i < matrix.Length; i++)
        {
            var (row, column) = (i / width, i % width);
            var index = (row * PerRow) + (column / BlockSize);
            var pair = Packed[(index * BlockSize / 2) + (column % BlockSize / 2)];
            var code = column % 2 == 0 ? pair & 0xF : pair >> 4;
            matrix[i] = (code - Zero) * Scales[index];
        }

        return matrix;
    }

    private static float QuantizeBlock(ReadOnlySpan<float> values, Span<byte> packed)
    {
        var extreme = 0f;
        foreach (var value in values)
        {
            extreme = MathF.Abs(value) > MathF.Abs(extreme) ? value : extreme;
        }

        var scale = extreme / -Zero;
        var inverse = scale == 0 ? 0 : 1 / scale;
        packed.Fill(Zero | (Zero << 4));
        for (var i = 0; i < values.Length; i++)
        {
            var code = (byte)Math.Clamp((int)MathF.Round(values[i] * inverse) + Zero, 0, Largest);
            packed[i / 2] = i % 2 == 0
                ? (byte)((packed[i / 2] & 0xF0) | code)
                : (byte)((packed[i / 2] & 0x0F) | (code << 4));
        }

        return scale;
    }
}
