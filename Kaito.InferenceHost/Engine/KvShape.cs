using System.Numerics;

namespace Kaito.InferenceHost.Engine;

/// <summary>Size of the cache: every slot has room for the same number of tokens.</summary>
internal readonly record struct KvShape(int Slots, int Tokens);

/// <summary>
/// Decides how large the cache is. It starts small and doubles, so that a model with a long context costs memory only
/// when long sequences come; near the budget it takes exactly what is needed.
/// </summary>
/// <param name="BytesPerToken">Keys and values of every layer for one token of one slot.</param>
/// <param name="Largest">Slots and tokens that are never exceeded.</param>
/// <param name="BudgetBytes">The cache is never larger; while it is being resized, one layer exists twice.</param>
internal sealed record KvSizing(long BytesPerToken, KvShape Largest, long BudgetBytes)
{
    private const int Granularity = 64;
    private const int FirstTokens = 256;

    /// <summary>Tokens of a sequence that is alone in the cache.</summary>
    public int ContextTokens =>
        (int)Math.Min(Largest.Tokens, BudgetBytes / BytesPerToken / Granularity * Granularity);

    /// <summary>Tokens that the whole cache could hold, in all slots together.</summary>
    public long CapacityTokens => Math.Min((long)Largest.Slots * Largest.Tokens, BudgetBytes / BytesPerToken);

    public bool Fits(KvShape shape) => (long)shape.Slots * Rounded(shape.Tokens) * BytesPerToken <= BudgetBytes;

    /// <param name="current">What is allocated.</param>
    /// <param name="wantedSlots">Sequences that are admitted, with or without a slot.</param>
    /// <param name="needed">What the next run touches.</param>
    /// <returns>
    /// A shape that holds <paramref name="needed"/>, the current one when that does; <see langword="null"/> when the
    /// budget does not allow any.
    /// </returns>
    public KvShape? Next(KvShape current, int wantedSlots, KvShape needed)
    {
        if (needed.Slots <= current.Slots && needed.Tokens <= current.Tokens)
        {
            return current;
        }

        var slots = Math.Max(current.Slots, PowerOfTwo(Math.Max(wantedSlots, needed.Slots)));
        var tokens = Math.Max(current.Tokens, PowerOfTwo(Math.Max(needed.Tokens, FirstTokens)));
        var generous = new KvShape(Math.Min(Largest.Slots, slots), Math.Min(Rounded(Largest.Tokens), tokens));
        return Fits(generous) ? generous
            : Fits(needed) ? needed with { Tokens = Rounded(needed.Tokens) }
            : null;
    }

    private static int Rounded(int tokens) => (int)Math.Min(
        int.MaxValue / Granularity * Granularity,
        ((long)tokens + Granularity - 1) / Granularity * Granularity);

    private static int PowerOfTwo(int value) => (int)Math.Min(1 << 30, BitOperations.RoundUpToPowerOf2((uint)value));
}
