namespace Kaito.Tokenization.Templates;

/// <summary>A string of a template that remembers which of its characters came from the request.</summary>
internal sealed class TemplateText
{
    /// <summary>Characters that one string may have.</summary>
    private const int Longest = 16 * 1024 * 1024;

    private TemplateText(string value, TextSegment[] segments)
    {
        Value = value;
        Segments = segments;
    }

    public static TemplateText Empty { get; } = new("", []);

    public string Value { get; }

    public IReadOnlyList<TextSegment> Segments { get; }

    /// <summary>True when no character came from the request.</summary>
    public bool Trusted => Segments.All(static segment => segment.Trusted);

    public static TemplateText Of(string value, bool trusted = true) =>
        value.Length == 0 ? Empty : new(value, [new(value, trusted)]);

    public static TemplateText Concat(IEnumerable<TemplateText> parts)
    {
        var segments = new List<TextSegment>();
        var length = 0L;
        foreach (var segment in parts.SelectMany(static part => part.Segments))
        {
            length += segment.Text.Length;
            segments.Add(segment);
            if (length > Longest)
            {
                throw new TemplateError($"a text has more than {Longest} characters");
            }
        }

        return new(string.Concat(segments.Select(static segment => segment.Text)), [.. segments]);
    }

    /// <summary>A part by UTF-16 positions; every character keeps its origin.</summary>
    public TemplateText Slice(int start, int end)
    {
        if (start >= end)
        {
            return Empty;
        }

        var segments = new List<TextSegment>();
        var at = 0;
        foreach (var segment in Segments)
        {
            var (from, to) = (Math.Max(start - at, 0), Math.Min(end - at, segment.Text.Length));
            if (from < to)
            {
                segments.Add(segment with { Text = segment.Text[from..to] });
            }

            at += segment.Text.Length;
        }

        return new(Value[start..end], [.. segments]);
    }

    /// <summary>A rewriting in which characters keep their order and origin, such as upper case.</summary>
    public TemplateText Map(Func<string, string> rewrite) =>
        Concat(Segments.Select(segment => Of(rewrite(segment.Text), segment.Trusted)));

    /// <summary>The parts between the first occurrences of a separator, at most a number of them.</summary>
    public List<TemplateText> Split(string separator, int most = int.MaxValue)
    {
        var parts = new List<TemplateText>();
        var at = 0;
        while (parts.Count < most
            && Value.IndexOf(separator, at, StringComparison.Ordinal) is >= 0 and var found)
        {
            parts.Add(Slice(at, found));
            at = found + separator.Length;
        }

        parts.Add(Slice(at, Value.Length));
        return parts;
    }

    public TemplateText Join(IEnumerable<TemplateText> parts)
    {
        var all = new List<TemplateText>();
        foreach (var part in parts)
        {
            if (all.Count > 0)
            {
                all.Add(this);
            }

            all.Add(part);
        }

        return Concat(all);
    }

    /// <summary>The text without characters of a set at its ends; null is white space.</summary>
    public TemplateText Strip(string? characters, bool left = true, bool right = true)
    {
        var (start, end) = (0, Value.Length);
        while (left && start < end && Stripped(Value[start], characters))
        {
            start++;
        }

        while (right && end > start && Stripped(Value[end - 1], characters))
        {
            end--;
        }

        return Slice(start, end);
    }

    /// <summary>Length in code points.</summary>
    public int Count() => Value.Length - Value.Count(char.IsLowSurrogate);

    /// <summary>The code points as texts of their own.</summary>
    public List<TemplateText> Characters()
    {
        var characters = new List<TemplateText>(Value.Length);
        foreach (var segment in Segments)
        {
            characters.AddRange(segment.Text.EnumerateRunes().Select(rune => Of(rune.ToString(), segment.Trusted)));
        }

        return characters;
    }

    public override bool Equals(object? obj) => obj is TemplateText other && Value == other.Value;

    public override int GetHashCode() => Value.GetHashCode(StringComparison.Ordinal);

    public override string ToString() => Value;

    private static bool Stripped(char character, string? characters) => characters is null
        ? char.IsWhiteSpace(character) || character is >= '\x1C' and <= '\x1F'
        : characters.Contains(character, StringComparison.Ordinal);
}
