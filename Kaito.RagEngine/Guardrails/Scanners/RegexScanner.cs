using System.Text.RegularExpressions;

namespace Kaito.RagEngine.Guardrails.Scanners;

internal enum PatternMatch
{
    /// <summary>The first place.</summary>
    Search,

    /// <summary>The text from end to end.</summary>
    FullMatch,

    /// <summary>Every place.</summary>
    All,
}

/// <summary>Patterns in order; the first that matches decides.</summary>
/// <param name="patterns">At least one.</param>
/// <param name="match">What of its matches counts.</param>
/// <param name="isBlocked">False: a match is wanted, and its absence is the finding.</param>
internal sealed class RegexScanner(IReadOnlyList<Regex> patterns, PatternMatch match, bool isBlocked)
    : OutputScanner(Name)
{
    public const string Name = "regex";

    private const string Redacted = "[REDACTED]";

    public override Scan Scan(string text, int start, ISet<string> known)
    {
        var whole = text[start..];
        foreach (var pattern in patterns)
        {
            var found = match == PatternMatch.All ? pattern.Matches(whole) : (IEnumerable<Match>)First(pattern, whole);
            var spans = found.Select(static m => new Span(m.Index, m.Index + m.Length, Redacted)).ToList();
            if (spans.Count > 0)
            {
                return isBlocked ? Spans.Replace(whole, 0, spans) : new(whole, false);
            }
        }

        return new(whole, !isBlocked);
    }

    private static Match[] First(Regex pattern, string text) => pattern.Match(text) is { Success: true } m ? [m] : [];
}
