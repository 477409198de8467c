using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Kaito.InferenceHost.Constraints;

/// <summary>Takes tokens out of a row of logits by a set of bits, eight at a time.</summary>
internal static class TokenMask
{
    private const int Lanes = 8;

    /// <param name="allowed">Bit t of the whole, lowest bits first, is 1 for an allowed token; little-endian machines only.</param>
    /// <param name="logits">Shape [vocab]; what is not allowed, or has no bit, becomes negative infinity.</param>
    public static void Apply(ReadOnlySpan<uint> allowed, Span<float> logits)
    {
        var bits = MemoryMarshal.AsBytes(allowed);
        var places = Vector256.Create(1, 2, 4, 8, 16, 32, 64, 128);
        var never = Vector256.Create(float.NegativeInfinity);
        var whole = int.Min(bits.Length, logits.Length / Lanes);
        for (var i = 0; i < whole; i++)
        {
            var eight = bits[i];
            if (eight == byte.MaxValue)
            {
                continue;
            }

            var part = logits.Slice(i * Lanes, Lanes);
            if (eight == 0)
            {
                never.CopyTo(part);
                continue;
            }

            var kept = Vector256.Equals(Vector256.Create((int)eight) & places, places).AsSingle();
            Vector256.ConditionalSelect(kept, Vector256.Create<float>(part), never).CopyTo(part);
        }

        for (var token = whole * Lanes; token < logits.Length; token++)
        {
            if (!Has(allowed, token))
            {
                logits[token] = float.NegativeInfinity;
            }
        }
    }

    /// <summary>Whether a token's bit is there and set.</summary>
    public static bool Has(ReadOnlySpan<uint> allowed, int token) =>
        token / 32 < allowed.Length && (allowed[token / 32] >> (token % 32) & 1) != 0;
}
