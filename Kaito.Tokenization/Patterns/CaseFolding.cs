using System.Text;

namespace Kaito.Tokenization.Patterns;

/// <summary>
/// Simple case variants of a character, including the two that fold to ASCII from afar: ſ and the Kelvin sign.
/// </summary>
internal static class CaseFolding
{
    private const int LongS = 0x17F;
    private const int Kelvin = 0x212A;

    public static IEnumerable<Rune> Variants(Rune rune)
    {
        var (lower, upper) = (Rune.ToLowerInvariant(rune), Rune.ToUpperInvariant(rune));
        yield return rune;
        yield return lower;
        yield return upper;
        if (lower.Value == 's' || rune.Value == LongS)
        {
            yield return new('s');
            yield return new('S');
            yield return new(LongS);
        }

        if (lower.Value == 'k' || rune.Value == Kelvin)
        {
            yield return new('k');
            yield return new('K');
            yield return new(Kelvin);
        }
    }
}
