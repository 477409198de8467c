using System.Text;

namespace Kaito.Tokenization.Normalization;

/// <summary>Full lower case of single characters, without context: no final sigma.</summary>
internal static class LetterCase
{
    private const char DottedCapitalI = '\u0130';

    public static string Lower(string text)
    {
        var result = new StringBuilder(text.Length);
        Span<char> units = stackalloc char[2];
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune.Value == DottedCapitalI)
            {
                result.Append("i\u0307");
            }
            else
            {
                result.Append(units[..Rune.ToLowerInvariant(rune).EncodeToUtf16(units)]);
            }
        }

        return result.ToString();
    }
}
