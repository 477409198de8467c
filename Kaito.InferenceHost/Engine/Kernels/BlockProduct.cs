using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Kaito.InferenceHost.Engine.Kernels;

/// <summary>
/// Products of rows with <see cref="PackedWeights"/>. Rows are rounded to 8 bits per block and multiplied in whole
/// numbers, up to eight for each reading of the weights. A row's result is the same whoever shares the call.
/// </summary>
internal static unsafe class BlockProduct
{
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
        var memory = (byte*)NativeMemory.AlignedAlloc((nuint)RoundedRows.Bytes(weights, rows), 64);
        try
        {
            var work = new Work
            {
                Weights = weights,
                Rows = new(weights, input, rows, memory),
                Output = output,
                GroupsPerPart = Math.Clamp(weights->Groups / (2 * Environment.ProcessorCount), 1, MostGroupsPerPart),
            };
            var parts = (weights->Groups + work.GroupsPerPart - 1) / work.GroupsPerPart;
            parallel.For(&RoundTile, work.Rows.Tiles, &work, together: (long)rows * weights->Width < RoundedTogether);
            parallel.For(&MultiplyPart, parts, &work, together: false);
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }
    }

    [UnmanagedCallersOnly]
    private static void RoundTile(void* state, nuint index) => ((Work*)state)->Rows.Round((int)index);

    [UnmanagedCallersOnly]
    private static void MultiplyPart(void* state, nuint index)
    {
        var work = (Work*)state;
        var first = (int)index * work->GroupsPerPart;
        var end = Math.Min(first + work->GroupsPerPart, work->Weights->Groups);
        for (var group = first; group < end; group++)
        {
            // All rows while the weights are near.
            for (var at = 0; at < work->Rows.Tiles; at++)
            {
                var tile = work->Rows.Tile(at);
                switch (tile.Height)
                {
                    case 1:
                        MultiplyOne(work, group, tile);
                        break;
                    case 4:
                        MultiplyFour(work, group, tile);
                        break;
                    default:
                        MultiplyEight(work, group, tile);
                        break;
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyOne(Work* work, int group, RowTile tile)
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
                    sum = FourRows.Add(sum, low, rows + (eight * 8));
                    sum = FourRows.Add(sum, high, rows + (eight * 8) + 4);
                }

                dot = FourRows.Widen(dot, sum);
            }

            total = FourRows.Scale(total, dot, Vector512.LoadAligned(scales), tile.Scales[block]);
        }

        Store(work, group, tile.First, total);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyFour(Work* work, int group, RowTile tile)
    {
        var (blocks, units) = (work->Weights->Blocks, work->Weights->BlockSize / PackedWeights.UnitInputs);
        var groupBytes = work->Weights->PaddedWidth * 8;
        var weights = work->Weights->Codes + ((long)group * groupBytes);
        var scales = work->Weights->Scales + ((long)group * blocks * PackedWeights.GroupOutputs);
        var rows = tile.Codes;
        var nibble = Vector512.Create((byte)15);
        var totals = default(FourRows<float>);
        for (var block = 0; block < blocks; block++, scales += PackedWeights.GroupOutputs)
        {
            var dots = FourRows.Create(tile.Starts + (block * 4));
            for (var unit = 0; unit < units; unit++, weights += 256, rows += 128)
            {
                Prefetch(weights + groupBytes);
                var sums = default(FourRows<short>);
                for (var eight = 0; eight < 4; eight++)
                {
                    var (low, high) = Nibbles(weights + (eight * 64), nibble);
                    FourRows.Add(ref sums, low, rows + (eight * 8));
                    FourRows.Add(ref sums, high, rows + (eight * 8) + 4);
                }

                FourRows.Widen(ref dots, sums);
            }

            FourRows.Scale(ref totals, dots, Vector512.LoadAligned(scales), tile.Scales + (block * 4));
        }

        Store(work, group, tile.First, totals);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyEight(Work* work, int group, RowTile tile)
    {
        var (blocks, units) = (work->Weights->Blocks, work->Weights->BlockSize / PackedWeights.UnitInputs);
        var groupBytes = work->Weights->PaddedWidth * 8;
        var weights = work->Weights->Codes + ((long)group * groupBytes);
        var scales = work->Weights->Scales + ((long)group * blocks * PackedWeights.GroupOutputs);
        var rows = tile.Codes;
        var nibble = Vector512.Create((byte)15);
        var (upperTotals, lowerTotals) = (default(FourRows<float>), default(FourRows<float>));
        for (var block = 0; block < blocks; block++, scales += PackedWeights.GroupOutputs)
        {
            var upperDots = FourRows.Create(tile.Starts + (block * 8));
            var lowerDots = FourRows.Create(tile.Starts + (block * 8) + 4);
            for (var unit = 0; unit < units; unit++, weights += 256, rows += 256)
            {
                Prefetch(weights + groupBytes);
                var (upper, lower) = (default(FourRows<short>), default(FourRows<short>));
                for (var eight = 0; eight < 4; eight++)
                {
                    var (low, high) = Nibbles(weights + (eight * 64), nibble);
                    var at = rows + (eight * 8);
                    FourRows.Add(ref upper, low, at);
                    FourRows.Add(ref lower, low, at + 128);
                    FourRows.Add(ref upper, high, at + 4);
                    FourRows.Add(ref lower, high, at + 132);
                }

                FourRows.Widen(ref upperDots, upper);
                FourRows.Widen(ref lowerDots, lower);
            }

            var scale = Vector512.LoadAligned(scales);
            FourRows.Scale(ref upperTotals, upperDots, scale, tile.Scales + (block * 8));
            FourRows.Scale(ref lowerTotals, lowerDots, scale, tile.Scales + (block * 8) + 4);
        }

        Store(work, group, tile.First, upperTotals);
        Store(work, group, tile.First + 4, lowerTotals);
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

    private static void Store(Work* work, int group, int row, in FourRows<float> values)
    {
        Store(work, group, row, values.First);
        Store(work, group, row + 1, values.Second);
        Store(work, group, row + 2, values.Third);
        Store(work, group, row + 3, values.Fourth);
    }

    private static void Store(Work* work, int group, int row, Vector512<float> values)
    {
        if (row >= work->Rows.Count)
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

    private struct Work
    {
        public PackedWeights* Weights;
        public RoundedRows Rows;
        public float* Output;
        public int GroupsPerPart;
    }
}
