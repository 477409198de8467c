namespace Kaito.ModelBuilder.Quantization;

/// <summary>
/// A matrix in MatMulNBits form: per row, blocks of inputs share a scale; a code q stands for (q − 2^(bits − 1))·scale.
/// </summary>
/// <param name="Form">Size of a code and of a block.</param>
/// <param name="PerRow">Blocks in one row; the last is padded with zeros.</param>
/// <param name="Packed">[rows, PerRow, <see cref="BlockForm.Bytes"/>]; of 4 bits, the even input is in the low nibble.</param>
/// <param name="Scales">[rows · PerRow]; negative where the block's largest element is positive.</param>
internal sealed record WeightBlocks(BlockForm Form, int PerRow, byte[] Packed, float[] Scales)
{
    /// <summary>Quantises a row-major [<paramref name="rows"/>, <paramref name="width"/>] matrix.</summary>
    /// <remarks>
    /// The scale maps the element of largest magnitude to the lowest code, the one without a positive twin, so that element
    /// is kept exactly and the others are off by at most half a scale, or by a whole one at the opposite end.
    /// </remarks>
    public static WeightBlocks Quantize(ReadOnlySpan<float> matrix, int rows, int width, BlockForm form)
    {
        var perRow = (width + form.Size - 1) / form.Size;
        var packed = new byte[(long)rows * perRow * form.Bytes];
        var scales = new float[rows * perRow];
        for (var row = 0; row < rows; row++)
        {
            var values = matrix.Slice(row * width, width);
            for (var block = 0; block < perRow; block++)
            {
                var start = block * form.Size;
                var index = (row * perRow) + block;
                scales[index] = QuantizeBlock(
                    values[start..Math.Min(start + form.Size, width)],
                    packed.AsSpan(index * form.Bytes, form.Bytes),
                    form);
            }
        }

        return new(form, perRow, packed, scales);
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
            var index = (row * PerRow) + (column / Form.Size);
            var code = Code(Packed.AsSpan(index * Form.Bytes, Form.Bytes), column % Form.Size, Form.Bits);
            matrix[i] = (code - Form.Zero) * Scales[index];
        }

        return matrix;
    }

    private static float QuantizeBlock(ReadOnlySpan<float> values, Span<byte> packed, BlockForm form)
    {
        var extreme = 0f;
        foreach (var value in values)
        {
            extreme = MathF.Abs(value) > MathF.Abs(extreme) ? value : extreme;
        }

        var scale = extreme / -form.Zero;
        var inverse = scale == 0 ? 0 : 1 / scale;
        packed.Fill((byte)(form.Bits == 4 ? form.Zero | (form.Zero << 4) : form.Zero));
        for (var i = 0; i < values.Length; i++)
        {
            var code = Math.Clamp((int)MathF.Round(values[i] * inverse) + form.Zero, 0, (2 * form.Zero) - 1);
            if (form.Bits == 8)
            {
                packed[i] = (byte)code;
            }
            else
            {
                packed[i / 2] = (byte)(i % 2 == 0 ? (packed[i / 2] & 0xF0) | code : (packed[i / 2] & 0x0F) | (code << 4));
            }
        }

        return scale;
    }

    private static int Code(ReadOnlySpan<byte> packed, int input, int bits) => bits == 8 ? packed[input]
        : input % 2 == 0 ? packed[input / 2] & 0xF
        : packed[input / 2] >> 4;
}

/// <param name="Bits">4 or 8 for each weight.</param>
/// <param name="Size">Weights that share a scale: a power of two from 16 on.</param>
internal readonly record struct BlockForm(int Bits, int Size)
{
    /// <summary>The code of 0.</summary>
    public int Zero => 1 << (Bits - 1);

    /// <summary>Of one block, without its scale.</summary>
    public int Bytes => Size * Bits / 8;
}
