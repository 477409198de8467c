using System.Text;

namespace Kaito.Tokenization.Normalization;

/// <summary>SentencePiece's clean-up for translation models: control characters go, odd spaces become spaces.</summary>
internal static class NmtCleanup
{
    public static string Apply(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (var character in text)
        {
            if (!IsDropped(character))
            {
                result.Append(IsSpace(character) ? ' ' : character);
            }
        }

        return result.ToString();
    }

    private static bool IsDropped(char character) => character is (>= '\u0001' and <= '\u0008') or '\u000B'
        or (>= '\u000E' and <= '\u001F') or '\u007F' or '\u008F' or '\u009F';

    private static bool IsSpace(char character) => character is '\u0009' or '\u000A' or '\u000C' or '\u000D'
        or '\u1680' or (>= '\u200B' and <= '\u200F') or '\u2028' or '\u2029' or '\u2581' or '\uFEFF' or '\uFFFD';
}
