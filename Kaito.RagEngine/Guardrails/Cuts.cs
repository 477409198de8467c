namespace Kaito.RagEngine.Guardrails;

/// <summary>PURE: where a growing text may be cut for scanners whose findings are made of ASCII tokens.</summary>
internal static class Cuts
{
    /// <summary>
    /// The last place after a character that no token contains and before which nothing is left open.
    /// </summary>
    /// <param name="text">Text of which more may come.</param>
    /// <param name="start">Not before here.</param>
    /// <param name="open">
    /// Of a text that ends here and where a piece begins: the first character of what may go on beyond the end, or -1.
    /// </param>
    public static int Last(string text, int start, Func<string, int, int> open)
    {
        var end = text.Length;
        while (true)
        {
            while (end > start && !Separates(text[end - 1]))
            {
                end--;
            }

            if (end <= start)
            {
                return start;
            }

            var from = open(text[..end], start);
            if (from < 0)
            {
                return end;
            }

            // Further back than the open character: what stands to its left may belong to the same token.
            end = from;
        }
    }

    // White space and every letter or sign beyond ASCII. A digit of another script is still a digit to a pattern, and
    // a letter that folds to an ASCII one is one to a pattern that ignores case.
    private static bool Separates(char c) => char.IsAscii(c)
        ? char.IsWhiteSpace(c)
        : !char.IsDigit(c) && !char.IsHighSurrogate(c) && !FoldsToAscii(c);

    private static bool FoldsToAscii(char c) =>
        char.IsAscii(char.ToLowerInvariant(c)) || char.IsAscii(char.ToUpperInvariant(c))
        || c is '\u017F' or '\u0130' or '\u0131' or '\u212A';
}
