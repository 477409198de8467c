using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Kaito.InferenceHost.Engine.Kernels;

/// <summary>
/// Products of rows with <see cref="PackedWeights"/>. Rows are rounded to 8 bits per block and multiplied in whole
/// numbers, four rows for each reading of the weights. A row's result is the same whoever shares the call.
/// </summary>
internal static unsafe class BlockProduct
{
    private const int TileRows = 4;

    // Of neighbours in memory, which is read ahead.
    private const int MostGroupsPerPart = 16;

    // Below, another thread takes longer to wake than the rounding does.
    private const long RoundedTogether = 32768;

    /// <summary>Whether this machine has the instructions.</summary>
    public static bool IsSupported => Avx512BW.IsSupported;

    /// <summary>Computes input · weightsᵀ.</summary>
    /// <param name="weights">Of <see cref="PackedWeights.Pack"/>.</param>
    /// <param name="input">Shape [<paramref name="rows"/>, width].</param>
    /// <param name="rows">At least 0.</param>
    /// <param name="output">Shape [<paramref name="rows"/>, outputs]; overwritten.</param>
    /// <param name="parallel">Runs the parts.</param>
    public static void Multiply(PackedWeights* weights, float* input, int rows, float* output, in KernelThreads parallel)
    {
        var tiles = (rows + TileRows - 1) / TileRows;
        var codeBytes = (long)tiles * TileRows * weights->PaddedWidth;
        var factors = (long)tiles * TileRows * weights->Blocks;
        var memory = (byte*)NativeMemory.AlignedAlloc((nuint)(codeBytes + (factors * 2 * sizeof(float))), 64);
        try
        {
            var work = new Work
            {
                Weights = weights,
                Input = input,
                Rows = rows,
                Codes = memory,
                Scales = (float*)(memory + codeBytes),
                Starts = (int*)(memory + codeBytes) + factors,
                Output = output,
                GroupsPerPart = Math.Clamp(weights->Groups / (2 * Environment.ProcessorCount), 1, MostGroupsPerPart),
            };
            parallel.For(&RoundTile, tiles, &work, together: (long)rows * weights->Width < RoundedTogether);
            parallel.For(
                &MultiplyPart, (weights->Groups + work.GroupsPerPart - 1) / work.GroupsPerPart, &work, together: false);
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }
    }

    [UnmanagedCallersOnly]
    private static void RoundTile(void* state, nuint index)
    {
        var work = (Work*)state;
        var tile = work->Tile((int)index);
        for (var row = 0; row < tile.Rows; row++)
        {
            RoundRow(work, tile, row);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RoundRow(Work* work, Tile tile, int row)
    {
        var (width, size) = (work->Weights->Width, work->Weights->BlockSize);
        var input = work->Input + ((long)(tile.First + row) * width);
        var rounded = stackalloc sbyte[size];
        var padded = stackalloc float[size];
        for (var block = 0; block < work->Weights->Blocks; block++)
        {
            var from = input + (block * size);
            var left = width - (block * size);
            if (left < size)
            {
                new Span<float>(from, left).CopyTo(new(padded, size));
                new Span<float>(padded + left, size - left).Clear();
                from = padded;
            }

            var (scale, sum) = RoundBlock(from, size, rounded);
            var at = (block * tile.Height) + row;
            tile.Scales[at] = scale;

            // Codes of weights are 8 more than what they stand for.
            tile.Starts[at] = -8 * sum;
            var to = (int*)tile.Codes + (block * (size / 4) * tile.Height) + row;
            for (var quad = 0; quad < size / 4; quad++)
            {
                to[quad * tile.Height] = ((int*)rounded)[quad];
            }
        }
    }

    // To -127..127, so that 32 products with 0..15, added two by two, fit 16 bits.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (float Scale, int Sum) RoundBlock(float* from, int size, sbyte* to)
    {
        var top = Vector512<float>.Zero;
        for (var i = 0; i < size; i += 16)
        {
            top = Vector512.Max(top, Vector512.Abs(Vector512.Load(from + i)));
        }

        var upper = Vector256.Max(top.GetLower(), top.GetUpper());
        var most = Vector128.Max(upper.GetLower(), upper.GetUpper());
        most = Vector128.Max(most, Vector128.Shuffle(most, Vector128.Create(2, 3, 0, 1)));
        var extreme = MathF.Max(most[0], most[1]);
        var inverse = Vector512.Create(extreme == 0 ? 0 : 127 / extreme);
        var sum = Vector512<int>.Zero;
        for (var i = 0; i < size; i += 16)
        {
            var codes = Avx512F.ConvertToVector512Int32(Vector512.Load(from + i) * inverse);
            sum += codes;
            Avx512F.ConvertToVector128SByteWithSaturation(codes).Store(to + i);
        }

        return (extreme / 127, Vector512.Sum(sum));
    }

    [UnmanagedCallersOnly]
    private static void MultiplyPart(void* state, nuint index)
    {
        var work = (Work*)state;
        var first = (int)index * work->GroupsPerPart;
        var end = Math.Min(first + work->GroupsPerPart, work->Weights->Groups);
        for (var group = first; group < end; group++)
        {
            // All rows while the weights are near.
            for (var at = 0; at * TileRows < work->Rows; at++)
            {
                var tile = work->Tile(at);
                if (tile.Height == 1)
                {
                    MultiplyOne(work, group, tile);
                }
                else
                {
                    MultiplyFour(work, group, tile);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyOne(Work* work, int group, Tile tile)
    {
        var (blocks, units) = (work->Weights->Blocks, work->Weights->BlockSize / PackedWeights.UnitInputs);
        var groupBytes = work->Weights->PaddedWidth * 8;
        var weights = work->Weights->Codes + ((long)group * groupBytes);
        var scales = work->Weights->Scales + ((long)group * blocks * PackedWeights.GroupOutputs);
        var rows = tile.Codes;
        var nibble = Vector512.Create((byte)15);
        var total = Vector512<float>.Zero;
        for (var block = 0; block < blocks; block++, scales += PackedWeights.GroupOutputs)
        {
            var dot = Vector512.Create(tile.Starts[block]);
            for (var unit = 0; unit < units; unit++, weights += 256, rows += 32)
            {
                Prefetch(weights + groupBytes);
                var sum = Vector512<short>.Zero;
                for (var eight = 0; eight < 4; eight++)
                {
                    var (low, high) = Nibbles(weights + (eight * 64), nibble);
                    sum = Add(Add(sum, low, rows + (eight * 8)), high, rows + (eight * 8) + 4);
                }

                dot = Widen(dot, sum);
            }

            total = Scale(total, dot, Vector512.LoadAligned(scales), tile.Scales[block]);
        }

        Store(work, group, tile.First, total);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyFour(Work* work, int group, Tile tile)
    {
        var (blocks, units) = (work->Weights->Blocks, work->Weights->BlockSize / PackedWeights.UnitInputs);
        var groupBytes = work->Weights->PaddedWidth * 8;
        var weights = work->Weights->Codes + ((long)group * groupBytes);
        var scales = work->Weights->Scales + ((long)group * blocks * PackedWeights.GroupOutputs);
        var rows = tile.Codes;
        var rowScales = tile.Scales;
        var starts = tile.Starts;
        var nibble = Vector512.Create((byte)15);
        var total0 = Vector512<float>.Zero;
        var total1 = Vector512<float>.Zero;
        var total2 = Vector512<float>.Zero;
        var total3 = Vector512<float>.Zero;
        for (var block = 0; block < blocks; block++, scales += PackedWeights.GroupOutputs, rowScales += 4, starts += 4)
        {
            var dot0 = Vector512.Create(starts[0]);
            var dot1 = Vector512.Create(starts[1]);
            var dot2 = Vector512.Create(starts[2]);
            var dot3 = Vector512.Create(starts[3]);
            for (var unit = 0; unit < units; unit++, weights += 256, rows += 128)
            {
                Prefetch(weights + groupBytes);
                var sum0 = Vector512<short>.Zero;
                var sum1 = Vector512<short>.Zero;
                var sum2 = Vector512<short>.Zero;
                var sum3 = Vector512<short>.Zero;
                for (var eight = 0; eight < 4; eight++)
                {
                    var (low, high) = Nibbles(weights + (eight * 64), nibble);
                    var at = rows + (eight * 32);
                    sum0 = Add(Add(sum0, low, at), high, at + 16);
                    sum1 = Add(Add(sum1, low, at + 4), high, at + 20);
                    sum2 = Add(Add(sum2, low, at + 8), high, at + 24);
                    sum3 = Add(Add(sum3, low, at + 12), high, at + 28);
                }

                dot0 = Widen(dot0, sum0);
                dot1 = Widen(dot1, sum1);
                dot2 = Widen(dot2, sum2);
                dot3 = Widen(dot3, sum3);
            }

            var scale = Vector512.LoadAligned(scales);
            total0 = Scale(total0, dot0, scale, rowScales[0]);
            total1 = Scale(total1, dot1, scale, rowScales[1]);
            total2 = Scale(total2, dot2, scale, rowScales[2]);
            total3 = Scale(total3, dot3, scale, rowScales[3]);
        }

        Store(work, group, tile.First, total0);
        Store(work, group, tile.First + 1, total1);
        Store(work, group, tile.First + 2, total2);
        Store(work, group, tile.First + 3, total3);
    }

    // The next group's weights come from memory while this one's are computed with.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch(byte* weights)
    {
        Sse.Prefetch1(weights);
        Sse.Prefetch1(weights + 64);
        Sse.Prefetch1(weights + 128);
        Sse.Prefetch1(weights + 192);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<byte> Low, Vector512<byte> High) Nibbles(byte* weights, Vector512<byte> nibble)
    {
        var both = Vector512.LoadAligned(weights);
        return (both & nibble, Vector512.ShiftRightLogical(both.AsUInt16(), 4).AsByte() & nibble);
    }

    // Four inputs of a row with those of 16 outputs.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Add(Vector512<short> sum, Vector512<byte> weights, byte* row) =>
        sum + Avx512BW.MultiplyAddAdjacent(weights, Vector512.Create(*(int*)row).AsSByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Widen(Vector512<int> dot, Vector512<short> sum) =>
        dot + Avx512BW.MultiplyAddAdjacent(sum, Vector512<short>.One);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Scale(
        Vector512<float> total, Vector512<int> dot, Vector512<float> weights, float row) =>
        Avx512F.FusedMultiplyAdd(Avx512F.ConvertToVector512Single(dot) * weights, Vector512.Create(row), total);

    private static void Store(Work* work, int group, int row, Vector512<float> values)
    {
        if (row >= work->Rows)
        {
            return;
        }

        var outputs = work->Weights->Outputs;
        var first = group * PackedWeights.GroupOutputs;
        var to = work->Output + ((long)row * outputs) + first;
        if (outputs - first >= PackedWeights.GroupOutputs)
        {
            values.Store(to);
            return;
        }

        for (var i = 0; i < outputs - first; i++)
        {
            to[i] = values[i];
        }
    }

    // Rows that are computed together: of height 4 or, alone, 1; the last may have fewer rows than its height.
    private readonly struct Tile
    {
        public int First { get; init; }

        public int Rows { get; init; }

        public int Height { get; init; }

        // [padded width / 4, height, 4].
        public byte* Codes { get; init; }

        // [blocks, height].
        public float* Scales { get; init; }

        // [blocks, height].
        public int* Starts { get; init; }
    }

    private struct Work
    {
        public PackedWeights* Weights;
        public float* Input;
        public int Rows;
        public byte* Codes;
        public float* Scales;
        public int* Starts;
        public float* Output;
        public int GroupsPerPart;

        public readonly Tile Tile(int index)
        {
            var rows = Math.Min(Rows - (index * TileRows), TileRows);
            return new()
            {
                First = index * TileRows,
                Rows = rows,
                Height = rows == 1 ? 1 : TileRows,
                Codes = Codes + ((long)index * TileRows * Weights->PaddedWidth),
                Scales = Scales + ((long)index * TileRows * Weights->Blocks),
                Starts = Starts + ((long)index * TileRows * Weights->Blocks),
            };
        }
    }
}
