namespace Kaito.RagEngine.Chunking;

/// <summary>A piece of a text.</summary>
/// <param name="Start">First UTF-16 unit.</param>
/// <param name="End">Past the last one.</param>
internal readonly record struct Span(int Start, int End)
{
    public int Length => End - Start;

    public ReadOnlySpan<char> In(string text) => text.AsSpan(Start, Length);

    /// <summary>Without the white space at both ends.</summary>
    public Span Trim(string text)
    {
        var (start, end) = (Start, End);
        while (start < end && char.IsWhiteSpace(text[start]))
        {
            start++;
        }

        while (end > start && char.IsWhiteSpace(text[end - 1]))
        {
            end--;
        }

        return new(start, end);
    }

    /// <summary>The pieces between cuts, in order; all of the span.</summary>
    public IEnumerable<Span> Cut(IEnumerable<int> cuts)
    {
        var start = Start;
        foreach (var cut in cuts)
        {
            if (cut > start && cut < End)
            {
                yield return new(start, cut);
                start = cut;
            }
        }

        if (End > start)
        {
            yield return new(start, End);
        }
    }
}
