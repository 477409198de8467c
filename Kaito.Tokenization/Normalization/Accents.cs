using System.Globalization;
using System.Text;

namespace Kaito.Tokenization.Normalization;

/// <summary>Removes combining marks; precomposed letters keep theirs unless decomposed before.</summary>
internal static class Accents
{
    public static string RemoveAllMarks(string text) => Remove(text, static category =>
        category is UnicodeCategory.NonSpacingMark
            or UnicodeCategory.SpacingCombiningMark
            or UnicodeCategory.EnclosingMark);

    public static string RemoveNonSpacing(string text) =>
        Remove(text, static category => category == UnicodeCategory.NonSpacingMark);

    private static string Remove(string text, Predicate<UnicodeCategory> mark)
    {
        var result = new StringBuilder(text.Length);
        Span<char> units = stackalloc char[2];
        foreach (var rune in text.EnumerateRunes())
        {
            if (!mark(Rune.GetUnicodeCategory(rune)))
            {
                result.Append(units[..rune.EncodeToUtf16(units)]);
            }
        }

        return result.ToString();
    }
}
