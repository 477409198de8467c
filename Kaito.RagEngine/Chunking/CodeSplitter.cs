namespace Kaito.RagEngine.Chunking;

/// <summary>
/// PURE: cuts source code between declarations, and inside one only where it is too long; comments and attributes stay
/// with what they precede. Nesting is read from brackets or indentation, outside strings and comments.
/// </summary>
internal static class CodeSplitter
{
    /// <summary>Characters of a chunk.</summary>
    public const int Size = 1500;

    public static IEnumerable<Span> Split(string text, Nesting nesting)
    {
        var whole = new Span(0, text.Length).Trim(text);
        if (whole.Length <= Size)
        {
            return whole.Length > 0 ? [whole] : [];
        }

        var lines = CodeLines.Read(text, nesting);
        return Pack(text, Units(lines, 0, lines.Count)).Select(chunk => chunk.Trim(text))
            .Where(static chunk => chunk.Length > 0);
    }

    // As many neighbours as fit; joined, so that nothing between them is lost.
    private static IEnumerable<Span> Pack(string text, IEnumerable<Span> units)
    {
        Span? open = null;
        foreach (var unit in units)
        {
            if (open is { } begun && new Span(begun.Start, unit.End).Trim(text).Length <= Size)
            {
                open = new(begun.Start, unit.End);
                continue;
            }

            if (open is { } full)
            {
                yield return full;
            }

            open = unit;
        }

        if (open is { } last)
        {
            yield return last;
        }
    }

    // Runs of lines that belong together, none longer than a chunk.
    private static IEnumerable<Span> Units(List<CodeLine> lines, int from, int to)
    {
        var level = int.MaxValue;
        for (var at = from; at < to; at++)
        {
            level = lines[at].Blank ? level : Math.Min(level, lines[at].Level);
        }

        var begin = from;
        for (var at = from + 1; at <= to; at++)
        {
            if (at < to && !Begins(lines, at, level))
            {
                continue;
            }

            foreach (var unit in Unit(lines, begin, at))
            {
                yield return unit;
            }

            begin = at;
        }
    }

    private static IEnumerable<Span> Unit(List<CodeLine> lines, int from, int to)
    {
        var span = new Span(lines[from].Span.Start, lines[to - 1].Span.End);
        if (span.Length <= Size)
        {
            return [span];
        }

        if (to - from == 1)
        {
            return span.Cut(Enumerable.Range(1, span.Length / Size).Select(part => span.Start + (part * Size)));
        }

        // The head goes with the first part of the body.
        return lines.GetRange(from, to - from).All(line => line.Blank || line.Level == lines[from].Level)
            ? lines.GetRange(from, to - from).SelectMany((_, at) => Unit(lines, from + at, from + at + 1))
            : [lines[from].Span, .. Units(lines, from + 1, to)];
    }

    private static bool Begins(List<CodeLine> lines, int at, int level) => lines[at].Level == level
        && !lines[at].Blank && !lines[at].Closes && !lines[at - 1].Leads;
}

/// <summary>One line of code.</summary>
/// <param name="Span">With its line break.</param>
/// <param name="Level">How deep it is nested.</param>
/// <param name="Blank">Nothing but white space.</param>
/// <param name="Closes">Goes on with something that began before, or ends it.</param>
/// <param name="Leads">A comment or attribute: belongs to the line after it.</param>
internal readonly record struct CodeLine(Span Span, int Level, bool Blank, bool Closes, bool Leads);
