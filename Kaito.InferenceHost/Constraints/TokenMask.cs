using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Kaito.InferenceHost.Constraints;

/// <summary>Takes tokens out of a row of logits by a set of bits: long runs at once, the rest eight at a time.</summary>
internal static class TokenMask
{
    private const int Lanes = 8;
    private const int WordBits = 64;

    /// <param name="allowed">Bit t of the whole, lowest bits first, is 1 for an allowed token; little-endian machines only.</param>
    /// <param name="logits">Shape [vocab]; what is not allowed, or has no bit, becomes negative infinity.</param>
    public static void Apply(ReadOnlySpan<uint> allowed, Span<float> logits)
    {
        var words = MemoryMarshal.Cast<uint, ulong>(allowed);
        words = words[..int.Min(words.Length, logits.Length / WordBits)];
        for (var word = 0; word < words.Length;)
        {
            if (words[word] == 0)
            {
                var never = words[word..].IndexOfAnyExcept(0UL) is var found and >= 0 ? found : words.Length - word;
                logits.Slice(word * WordBits, never * WordBits).Fill(float.NegativeInfinity);
                word += never;
                continue;
            }

            if (words[word] != ulong.MaxValue)
            {
                Apply(words[word], logits.Slice(word * WordBits, WordBits));
            }

            word++;
        }

        for (var token = words.Length * WordBits; token < logits.Length; token++)
        {
            if (!Has(allowed, token))
            {
                logits[token] = float.NegativeInfinity;
            }
        }
    }

    private static void Apply(ulong allowed, Span<float> logits)
    {
        var places = Vector256.Create(1, 2, 4, 8, 16, 32, 64, 128);
        var never = Vector256.Create(float.NegativeInfinity);
        for (var at = 0; at < logits.Length; at += Lanes, allowed >>= Lanes)
        {
            var part = logits.Slice(at, Lanes);
            var kept = Vector256.Equals(Vector256.Create((int)(allowed & byte.MaxValue)) & places, places).AsSingle();
            Vector256.ConditionalSelect(kept, Vector256.Create<float>(part), never).CopyTo(part);
        }
    }

    /// <summary>Whether a token's bit is there and set.</summary>
    public static bool Has(ReadOnlySpan<uint> allowed, int token) =>
        token / 32 < allowed.Length && (allowed[token / 32] >> (token % 32) & 1) != 0;
}
