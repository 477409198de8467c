namespace Kaito.RagEngine.Chunking;

/// <summary>
/// PURE: cuts prose into chunks of whole sentences that overlap. What does not fit is cut at ever smaller things:
/// paragraphs, sentences, clauses, words, characters.
/// </summary>
internal static class SentenceSplitter
{
    private const string SentenceEnds = ".!?…。！？；";
    private const string ClauseEnds = ",.;:。？！，；、";
    private const string Closing = "\"'”’»)]）」』";

    private static readonly Func<string, Span, IEnumerable<int>>[] s_cuts = [Paragraphs, Sentences, Clauses, WordStarts];

    /// <summary>Chunks in order; together they hold all of the span but white space.</summary>
    /// <param name="text">The whole text.</param>
    /// <param name="within">What of it to cut.</param>
    /// <param name="size">Tokens of a chunk.</param>
    /// <param name="overlap">Most tokens that a chunk repeats of the one before.</param>
    public static IEnumerable<Span> Split(string text, Span within, int size, int overlap)
    {
        var whole = within.Trim(text);
        if (TokenCount.Of(whole.In(text)) <= size)
        {
            return whole.Length > 0 ? [whole] : [];
        }

        var pieces = new List<(Span Span, int Tokens)>();
        Break(text, whole, size, 0, pieces);
        return Merge(text, pieces, size, Math.Min(overlap, size / 2));
    }

    /// <summary>Sentences in order, without white space around them; those that are too long are cut.</summary>
    public static IEnumerable<Span> Pieces(string text, int size)
    {
        var pieces = new List<(Span Span, int Tokens)>();
        Break(text, new(0, text.Length), size, 0, pieces);
        return pieces.Select(piece => piece.Span.Trim(text)).Where(static span => span.Length > 0);
    }

    private static void Break(string text, Span span, int size, int level, List<(Span Span, int Tokens)> pieces)
    {
        var tokens = TokenCount.Of(span.In(text));
        if (tokens <= size && level >= 2)
        {
            pieces.Add((span, tokens));
        }
        else if (level == s_cuts.Length)
        {
            foreach (var piece in span.Cut(Characters(text, span, size)))
            {
                pieces.Add((piece, TokenCount.Of(piece.In(text))));
            }
        }
        else
        {
            foreach (var piece in span.Cut(s_cuts[level](text, span)))
            {
                Break(text, piece, size, level + 1, pieces);
            }
        }
    }

    private static IEnumerable<Span> Merge(string text, List<(Span Span, int Tokens)> pieces, int size, int overlap)
    {
        var first = 0;
        while (first < pieces.Count)
        {
            var (next, tokens) = (first, 0);
            while (next < pieces.Count && (next == first || tokens + pieces[next].Tokens <= size))
            {
                tokens += pieces[next++].Tokens;
            }

            var chunk = new Span(pieces[first].Span.Start, pieces[next - 1].Span.End).Trim(text);
            if (chunk.Length > 0)
            {
                yield return chunk;
            }

            if (next == pieces.Count)
            {
                yield break;
            }

            // Back over whole sentences, leaving room for at least one new one.
            var (back, repeated) = (next, 0);
            while (back - 1 > first && repeated + pieces[back - 1].Tokens <= overlap
                && repeated + pieces[back - 1].Tokens + pieces[next].Tokens <= size)
            {
                repeated += pieces[--back].Tokens;
            }

            first = back;
        }
    }

    private static IEnumerable<int> Paragraphs(string text, Span span)
    {
        for (var at = text.IndexOf("\n\n", span.Start, span.Length, StringComparison.Ordinal); at >= 0 && at < span.End;
            at = at + 2 < span.End ? text.IndexOf("\n\n", at + 2, span.End - at - 2, StringComparison.Ordinal) : -1)
        {
            yield return at + 2;
        }
    }

    private static IEnumerable<int> Sentences(string text, Span span)
    {
        for (var at = span.Start; at < span.End; at++)
        {
            if (!SentenceEnds.Contains(text[at], StringComparison.Ordinal))
            {
                continue;
            }

            var wide = text[at] > 0x2FFF;
            var end = at + 1;
            while (end < span.End && (SentenceEnds.Contains(text[end], StringComparison.Ordinal)
                || Closing.Contains(text[end], StringComparison.Ordinal)))
            {
                end++;
            }

            // Otherwise it is a number, an abbreviation's inside or a name with dots.
            if (wide || (end < span.End && char.IsWhiteSpace(text[end])))
            {
                while (end < span.End && char.IsWhiteSpace(text[end]))
                {
                    end++;
                }

                yield return end;
            }

            at = end - 1;
        }
    }

    private static IEnumerable<int> Clauses(string text, Span span)
    {
        for (var at = span.Start; at < span.End - 1; at++)
        {
            if (ClauseEnds.Contains(text[at], StringComparison.Ordinal) || text[at] == '\n')
            {
                yield return at + 1;
            }
        }
    }

    private static IEnumerable<int> WordStarts(string text, Span span)
    {
        for (var at = span.Start + 1; at < span.End; at++)
        {
            if (char.IsWhiteSpace(text[at - 1]) && !char.IsWhiteSpace(text[at]))
            {
                yield return at;
            }
        }
    }

    // No text has more tokens than characters.
    private static IEnumerable<int> Characters(string text, Span span, int size)
    {
        for (var at = span.Start + size; at < span.End; at += size)
        {
            if (char.IsLowSurrogate(text[at]))
            {
                at--;
            }

            yield return at;
        }
    }
}
