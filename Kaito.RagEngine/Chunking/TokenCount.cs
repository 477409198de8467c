using System.Globalization;
using System.Text;

namespace Kaito.RagEngine.Chunking;

/// <summary>
/// PURE: how many tokens a text has, estimated from the kinds of its characters. Close to the tokenizers of current
/// models for prose, a little high for most other text: budgets that are kept by it are kept.
/// </summary>
internal static class TokenCount
{
    private enum Kind
    {
        Space,
        Latin,
        Digit,
        Foreign,
        Single,
    }

    public static int Of(ReadOnlySpan<char> text)
    {
        var (tokens, run, kind) = (0, 0, Kind.Space);
        foreach (var rune in text.EnumerateRunes())
        {
            var next = KindOf(rune);
            if (next != kind || next == Kind.Single)
            {
                tokens += Tokens(kind, run);
                (run, kind) = (0, next);
            }

            // A line break is a token of its own, a single space belongs to the word after it.
            run += next == Kind.Space && rune.Value is not '\n' ? 0 : 1;
        }

        return tokens + Tokens(kind, run);
    }

    private static int Tokens(Kind kind, int run) => kind switch
    {
        Kind.Space => Math.Min(run, 1),
        Kind.Latin => run <= 7 ? 1 : (run + 4) / 5,
        Kind.Digit => (run + 2) / 3,
        Kind.Foreign => (run + 1) / 2,
        _ => run,
    };

    private static Kind KindOf(Rune rune)
    {
        if (rune.IsAscii)
        {
            return Rune.IsLetter(rune) ? Kind.Latin
                : Rune.IsDigit(rune) ? Kind.Digit
                : Rune.IsWhiteSpace(rune) ? Kind.Space
                : Kind.Single;
        }

        return Rune.IsWhiteSpace(rune) ? Kind.Space
            : rune.Value < 0x0E00 && (Rune.IsLetter(rune)
                || Rune.GetUnicodeCategory(rune) == UnicodeCategory.NonSpacingMark) ? Kind.Foreign
            : Kind.Single;
    }
}
