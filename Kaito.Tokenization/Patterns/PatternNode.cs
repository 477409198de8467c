namespace Kaito.Tokenization.Patterns;

/// <summary>The syntax tree of a pattern.</summary>
internal abstract record PatternNode
{
    private PatternNode()
    {
    }

    public sealed record One(CharClass Class) : PatternNode;

    public sealed record Sequence(IReadOnlyList<PatternNode> Parts) : PatternNode;

    /// <summary>The first alternative that lets the rest match wins.</summary>
    public sealed record Choice(IReadOnlyList<PatternNode> Alternatives) : PatternNode;

    /// <param name="Body">What is repeated.</param>
    /// <param name="Least">Repetitions that are required.</param>
    /// <param name="Most">Repetitions that are allowed; null without limit.</param>
    /// <param name="Mode">Which number is tried first and whether others are tried.</param>
    public sealed record Repeat(PatternNode Body, int Least, int? Most, RepeatMode Mode) : PatternNode;

    /// <param name="Body">Must match, or must not, at this place; consumes nothing.</param>
    /// <param name="Negated">True for "must not".</param>
    public sealed record Ahead(PatternNode Body, bool Negated) : PatternNode;

    public sealed record Atomic(PatternNode Body) : PatternNode;

    public sealed record Place(Anchor Anchor) : PatternNode;
}

internal enum RepeatMode
{
    Greedy,
    Lazy,
    Possessive,
}

internal enum Anchor
{
    TextStart,
    TextEnd,
    WordBoundary,
    NotWordBoundary,
}
