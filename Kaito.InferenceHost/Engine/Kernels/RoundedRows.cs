using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Kaito.InferenceHost.Engine.Kernels;

/// <summary>Rows in 8 bits per block, laid out in tiles of rows that are multiplied together.</summary>
internal readonly unsafe struct RoundedRows
{
    private const int MostTogether = 8;

    private readonly float* _input;
    private readonly int _width;
    private readonly int _blockSize;
    private readonly int _blocks;
    private readonly byte* _codes;
    private readonly float* _scales;
    private readonly int* _starts;

    /// <summary>Nothing is rounded yet, see <see cref="Round(int)"/>.</summary>
    /// <param name="weights">What the rows are for.</param>
    /// <param name="input">Shape [<paramref name="count"/>, width].</param>
    /// <param name="count">Rows.</param>
    /// <param name="memory">Of <see cref="Bytes"/>, aligned to 64.</param>
    public RoundedRows(PackedWeights* weights, float* input, int count, byte* memory)
    {
        _input = input;
        Count = count;
        (_width, _blockSize, _blocks) = (weights->Width, weights->BlockSize, weights->Blocks);
        _codes = memory;
        _scales = (float*)(memory + (Padded(count) * weights->PaddedWidth));
        _starts = (int*)(_scales + (Padded(count) * _blocks));
    }

    public int Count { get; }

    // Five are a tile of four and one alone, not a tile of eight that is nearly half empty.
    public int Tiles => ((Count + MostTogether - 1) / MostTogether) + (Count % MostTogether == 5 ? 1 : 0);

    public static long Bytes(PackedWeights* weights, int count) =>
        Padded(count) * (weights->PaddedWidth + (2L * sizeof(float) * weights->Blocks));

    public RowTile Tile(int index)
    {
        var first = Math.Min(index * MostTogether, (Count / MostTogether * MostTogether) + 4);
        var height = (Count - first) switch
        {
            1 => 1,
            <= 5 => 4,
            _ => MostTogether,
        };
        return new()
        {
            First = first,
            Height = height,
            Codes = _codes + ((long)first * _blocks * _blockSize),
            Scales = _scales + ((long)first * _blocks),
            Starts = _starts + ((long)first * _blocks),
        };
    }

    /// <summary>Rounds the rows of a tile.</summary>
    public void Round(int index)
    {
        var tile = Tile(index);
        for (var row = 0; row < Math.Min(tile.Height, Count - tile.First); row++)
        {
            Round(tile, row);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Round(in RowTile tile, int row)
    {
        var input = _input + ((long)(tile.First + row) * _width);
        var codes = tile.Codes + (row * PackedWeights.UnitInputs);
        var stride = tile.Height * PackedWeights.UnitInputs;
        var padded = stackalloc float[_blockSize];
        for (var block = 0; block < _blocks; block++, input += _blockSize)
        {
            var left = _width - (block * _blockSize);
            if (left < _blockSize)
            {
                new Span<float>(input, left).CopyTo(new(padded, _blockSize));
                new Span<float>(padded + left, _blockSize - left).Clear();
                input = padded;
            }

            var extreme = Extreme(input, _blockSize);
            var inverse = Vector512.Create(extreme == 0 ? 0 : 127 / extreme);
            var sum = Vector512<int>.Zero;
            for (var at = 0; at < _blockSize; at += PackedWeights.UnitInputs, codes += stride)
            {
                sum += Round(input + at, inverse, codes);
                sum += Round(input + at + 16, inverse, codes + 16);
            }

            var place = (block * tile.Height) + row;
            tile.Scales[place] = extreme / 127;

            // Codes of weights are 8 more than what they stand for.
            tile.Starts[place] = -8 * Vector512.Sum(sum);
        }
    }

    private static long Padded(int count) => (count + MostTogether - 1L) / MostTogether * MostTogether;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Extreme(float* from, int count)
    {
        var top = Vector512<float>.Zero;
        for (var at = 0; at < count; at += 16)
        {
            top = Vector512.Max(top, Vector512.Abs(Vector512.Load(from + at)));
        }

        var upper = Vector256.Max(top.GetLower(), top.GetUpper());
        var most = Vector128.Max(upper.GetLower(), upper.GetUpper());
        most = Vector128.Max(most, Vector128.Shuffle(most, Vector128.Create(2, 3, 0, 1)));
        most = Vector128.Max(most, Vector128.Shuffle(most, Vector128.Create(1, 0, 3, 2)));
        return most.ToScalar();
    }

    // To -127..127, so that 32 products with 0..15, added two by two, fit 16 bits.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Round(float* from, Vector512<float> inverse, byte* to)
    {
        var codes = Avx512F.ConvertToVector512Int32(Vector512.Load(from) * inverse);
        Avx512F.ConvertToVector128SByteWithSaturation(codes).Store((sbyte*)to);
        return codes;
    }
}

/// <summary>Rows that are computed together; the last of a tile may be none.</summary>
internal readonly unsafe struct RowTile
{
    /// <summary>Number of the first row.</summary>
    public int First { get; init; }

    /// <summary>Rows, 1, 4 or 8.</summary>
    public int Height { get; init; }

    /// <summary>[padded width / 32, height, 32].</summary>
    public byte* Codes { get; init; }

    /// <summary>[blocks, height].</summary>
    public float* Scales { get; init; }

    /// <summary>What the products of a block are added to; [blocks, height].</summary>
    public int* Starts { get; init; }
}
