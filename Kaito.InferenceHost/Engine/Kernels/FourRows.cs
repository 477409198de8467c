using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Kaito.InferenceHost.Engine.Kernels;

/// <summary>A vector for each of four rows. The JIT keeps it in registers while it is a local that only inlined methods see.</summary>
internal struct FourRows<T>
{
    public Vector512<T> First;
    public Vector512<T> Second;
    public Vector512<T> Third;
    public Vector512<T> Fourth;
}

/// <summary>The steps of a product, for one row and for four. Codes of rows lie 32 bytes apart.</summary>
internal static unsafe class FourRows
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FourRows<int> Create(int* starts) => new()
    {
        First = Vector512.Create(starts[0]),
        Second = Vector512.Create(starts[1]),
        Third = Vector512.Create(starts[2]),
        Fourth = Vector512.Create(starts[3]),
    };

    /// <summary>Adds the products of four inputs of the rows with those of 16 outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(ref FourRows<short> sums, Vector512<byte> weights, byte* rows)
    {
        sums.First = Add(sums.First, weights, rows);
        sums.Second = Add(sums.Second, weights, rows + 32);
        sums.Third = Add(sums.Third, weights, rows + 64);
        sums.Fourth = Add(sums.Fourth, weights, rows + 96);
    }

    /// <inheritdoc cref="Add(ref FourRows{short}, Vector512{byte}, byte*)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<short> Add(Vector512<short> sum, Vector512<byte> weights, byte* row) =>
        sum + Avx512BW.MultiplyAddAdjacent(weights, Vector512.Create(*(int*)row).AsSByte());

    /// <summary>Adds sums of 16 bits, before they could overflow, to those of 32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Widen(ref FourRows<int> dots, in FourRows<short> sums)
    {
        dots.First = Widen(dots.First, sums.First);
        dots.Second = Widen(dots.Second, sums.Second);
        dots.Third = Widen(dots.Third, sums.Third);
        dots.Fourth = Widen(dots.Fourth, sums.Fourth);
    }

    /// <inheritdoc cref="Widen(ref FourRows{int}, in FourRows{short})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Widen(Vector512<int> dot, Vector512<short> sum) =>
        dot + Avx512BW.MultiplyAddAdjacent(sum, Vector512<short>.One);

    /// <summary>Adds a block's products, each by the scales of its weights and of its row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scale(ref FourRows<float> totals, in FourRows<int> dots, Vector512<float> weights, float* rows)
    {
        totals.First = Scale(totals.First, dots.First, weights, rows[0]);
        totals.Second = Scale(totals.Second, dots.Second, weights, rows[1]);
        totals.Third = Scale(totals.Third, dots.Third, weights, rows[2]);
        totals.Fourth = Scale(totals.Fourth, dots.Fourth, weights, rows[3]);
    }

    /// <inheritdoc cref="Scale(ref FourRows{float}, in FourRows{int}, Vector512{float}, float*)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Scale(
        Vector512<float> total, Vector512<int> dot, Vector512<float> weights, float row) =>
        Avx512F.FusedMultiplyAdd(Avx512F.ConvertToVector512Single(dot) * weights, Vector512.Create(row), total);
}
