using System.Text;

namespace Kaito.RagEngine.Guardrails;

/// <param name="Start">First character.</param>
/// <param name="End">One past the last.</param>
/// <param name="Replacement">What takes its place.</param>
internal readonly record struct Span(int Start, int End, string Replacement)
{
    public int Length => End - Start;
}

/// <summary>PURE: places in a text that are to be replaced.</summary>
internal static class Spans
{
    /// <summary>Where places overlap, the one that begins first stays, of those the longest.</summary>
    public static List<Span> Choose(IEnumerable<Span> found)
    {
        var chosen = new List<Span>();
        foreach (var span in found.OrderBy(static s => s.Start).ThenByDescending(static s => s.Length))
        {
            if (chosen.Count == 0 || span.Start >= chosen[^1].End)
            {
                chosen.Add(span);
            }
        }

        return chosen;
    }

    /// <summary>Places that overlap become one.</summary>
    public static List<Span> Merge(IEnumerable<Span> found)
    {
        var merged = new List<Span>();
        foreach (var span in found.OrderBy(static s => s.Start))
        {
            if (merged.Count > 0 && span.Start < merged[^1].End)
            {
                merged[^1] = merged[^1] with { End = Math.Max(merged[^1].End, span.End) };
            }
            else
            {
                merged.Add(span);
            }
        }

        return merged;
    }

    /// <returns>The text from <paramref name="start"/> with every place replaced.</returns>
    public static Scan Replace(string text, int start, List<Span> spans)
    {
        if (spans.Count == 0)
        {
            return new(text[start..], false);
        }

        var result = new StringBuilder();
        var at = start;
        foreach (var span in spans)
        {
            result.Append(text, at, span.Start - at).Append(span.Replacement);
            at = span.End;
        }

        return new(result.Append(text, at, text.Length - at).ToString(), true);
    }
}
