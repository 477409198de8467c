using System.Text.RegularExpressions;

namespace Kaito.RagEngine.Guardrails.Scanners;

/// <summary>Answers of too many tokens.</summary>
/// <remarks>
/// Tokens are counted as the pieces that OpenAI's encodings cut a text into before they merge bytes, long pieces as
/// several: the vocabularies themselves are not part of this service. For English the count is within some percent.
/// </remarks>
/// <param name="limit">An answer of as many is cut, one of fewer passes; above 0.</param>
internal sealed partial class TokenLimitScanner(int limit) : OutputScanner(Name)
{
    public const string Name = "token_limit";

    // Letters of one token in a long word, and bytes of one token in other scripts.
    private const int LettersPerToken = 7;

    public override Scan Scan(string text, int start, ISet<string> known)
    {
        var whole = text[start..];
        var tokens = 0;
        var end = 0;
        foreach (Match piece in Piece().Matches(whole))
        {
            var count = Count(piece.ValueSpan);
            if (tokens + count > limit)
            {
                return new(whole[..end], true);
            }

            tokens += count;
            end = piece.Index + piece.Length;
        }

        return new(tokens < limit ? whole : whole[..end], tokens >= limit);
    }

    private static int Count(ReadOnlySpan<char> piece)
    {
        var ascii = 0;
        var other = 0;
        foreach (var c in piece)
        {
            _ = char.IsAscii(c) ? ascii++ : other++;
        }

        return Math.Max(1, other + ((ascii + LettersPerToken - 1) / LettersPerToken));
    }

    // Contractions, words with one leading sign, up to three digits, runs of signs, line breaks, spaces.
    [GeneratedRegex(
        @"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",
        RegexOptions.CultureInvariant, 10_000)]
    private static partial Regex Piece();
}
