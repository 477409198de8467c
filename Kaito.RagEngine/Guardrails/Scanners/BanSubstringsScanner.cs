namespace Kaito.RagEngine.Guardrails.Scanners;

/// <summary>Texts that must not appear.</summary>
internal sealed class BanSubstringsScanner : OutputScanner
{
    public const string Name = "ban_substrings";

    private const string Redacted = "[REDACTED]";

    private readonly string[] _banned;
    private readonly bool _words;
    private readonly bool _all;
    private readonly StringComparison _comparison;
    private readonly int _longest;

    /// <param name="banned">At least one, none empty.</param>
    /// <param name="words">True: only where no word goes on at either side.</param>
    /// <param name="caseSensitive">False: upper and lower case are the same.</param>
    /// <param name="all">True: nothing is found unless every text is there.</param>
    public BanSubstringsScanner(IEnumerable<string> banned, bool words, bool caseSensitive, bool all)
        : base(Name)
    {
        _banned = [.. banned.Distinct(StringComparer.Ordinal)];
        _words = words;
        _all = all;
        _comparison = caseSensitive ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase;
        _longest = _banned.Max(static b => b.Length);
    }

    public override bool NeedsWhole => _all;

    public override int Decided(string text, int start)
    {
        if (_all)
        {
            return start;
        }

        var end = text.Length;
        for (var from = Math.Max(start, text.Length - _longest); from < text.Length; from++)
        {
            if (MayGoOn(text, from))
            {
                end = from;
                break;
            }
        }

        // What reaches across the end moves the end before it; a word that ends there needs its right neighbour.
        foreach (var span in Spans.Merge(Find(text, start, words: false)).AsEnumerable().Reverse())
        {
            if (span.Start < end && (span.End > end || (_words && span.End == end && end < text.Length)))
            {
                end = span.Start;
            }
        }

        return end;
    }

    public override Scan Scan(string text, int start, ISet<string> known)
    {
        var found = Find(text, start, _words);
        if (_all && found.Select(s => text[s.Start..s.End]).Distinct(Comparer).Count() < _banned.Distinct(Comparer).Count())
        {
            return new(text[start..], false);
        }

        return Spans.Replace(text, start, Spans.Merge(found));
    }

    private StringComparer Comparer => StringComparer.FromComparison(_comparison);

    // The rest of the text begins a banned one, or is one whose right neighbour has not come yet.
    private bool MayGoOn(string text, int from)
    {
        var rest = text.AsSpan(from);
        foreach (var banned in _banned)
        {
            var enough = _words ? banned.Length >= rest.Length : banned.Length > rest.Length;
            if (enough && banned.AsSpan(0, rest.Length).Equals(rest, _comparison))
            {
                return true;
            }
        }

        return false;
    }

    private List<Span> Find(string text, int start, bool words)
    {
        var found = new List<Span>();
        foreach (var banned in _banned)
        {
            for (var at = text.IndexOf(banned, start, _comparison); at >= 0;)
            {
                if (!words || Stands(text, at, at + banned.Length))
                {
                    found.Add(new(at, at + banned.Length, Redacted));
                }

                at = at + 1 < text.Length ? text.IndexOf(banned, at + 1, _comparison) : -1;
            }
        }

        return found;
    }

    private static bool Stands(string text, int start, int end) =>
        !(start > 0 && InWord(text[start - 1]) && InWord(text[start]))
        && !(end < text.Length && InWord(text[end - 1]) && InWord(text[end]));

    private static bool InWord(char c) => char.IsLetterOrDigit(c) || c == '_';
}
