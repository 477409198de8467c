namespace Kaito.RagEngine.Chunking;

/// <summary>PURE: cuts Markdown at headings, never inside a fenced block that fits; sections are cut like prose.</summary>
internal static class MarkdownSplitter
{
    public static IEnumerable<Span> Split(string text, int size, int overlap)
    {
        var whole = new Span(0, text.Length);
        var open = new Span(0, 0);
        foreach (var section in whole.Cut(Headings(text)))
        {
            // Short sections share a chunk.
            var joined = open.Length == 0 ? section : new(open.Start, section.End);
            if (TokenCount.Of(joined.In(text)) <= size)
            {
                open = joined;
                continue;
            }

            foreach (var chunk in Close(text, open, size, overlap))
            {
                yield return chunk;
            }

            open = section;
        }

        foreach (var chunk in Close(text, open, size, overlap))
        {
            yield return chunk;
        }
    }

    private static IEnumerable<Span> Close(string text, Span open, int size, int overlap) =>
        open.Length == 0 ? [] : SentenceSplitter.Split(text, open, size, overlap);

    private static IEnumerable<int> Headings(string text)
    {
        var fence = "";
        for (var at = 0; at < text.Length;)
        {
            var end = text.IndexOf('\n', at) is >= 0 and var found ? found + 1 : text.Length;
            var line = text.AsSpan(at, end - at).Trim();
            var marker = line.StartsWith("```") ? "```" : line.StartsWith("~~~") ? "~~~" : "";
            if (fence.Length > 0)
            {
                fence = marker == fence ? "" : fence;
            }
            else if (marker.Length > 0)
            {
                fence = marker;
            }
            else if (IsHeading(line))
            {
                yield return at;
            }

            at = end;
        }
    }

    private static bool IsHeading(ReadOnlySpan<char> line)
    {
        var marks = line.IndexOfAnyExcept('#');
        return marks is > 0 and <= 6 && line[marks] is (' ' or '\t');
    }
}
