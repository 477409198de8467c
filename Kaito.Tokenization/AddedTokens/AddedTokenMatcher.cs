using System.Buffers;
using System.Text;
using Kaito.Tokenization.Patterns;

namespace Kaito.Tokenization.AddedTokens;

/// <summary>A place where an added token stands; with the white space that it takes.</summary>
internal readonly record struct AddedTokenMatch(int Start, int End, AddedToken Token);

/// <summary>Finds added tokens, leftmost first and longest first, in one pass over the text.</summary>
internal sealed class AddedTokenMatcher
{
    private readonly SearchValues<char> _firstCharacters;
    private readonly Node _root = new();

    /// <param name="spellings">What to look for, and the token it is.</param>
    public AddedTokenMatcher(IEnumerable<(string Spelling, AddedToken Token)> spellings)
    {
        foreach (var (spelling, token) in spellings.Where(static entry => entry.Spelling.Length > 0))
        {
            _root.Add(spelling, token);
        }

        _firstCharacters = SearchValues.Create([.. _root.Children.Keys]);
    }

    public bool IsEmpty => _root.Children.Count == 0;

    /// <summary>Appends the tokens in <paramref name="text"/>, left to right.</summary>
    /// <param name="text">Raw or normalized text.</param>
    /// <param name="trust">Where special tokens may stand.</param>
    /// <param name="matches">Receives the matches; they do not overlap.</param>
    public void Find(ReadOnlySpan<char> text, TrustMap trust, List<AddedTokenMatch> matches)
    {
        var previous = 0;
        for (var at = NextStart(text, 0); at < text.Length;)
        {
            if (Longest(text, at) is not var (token, end))
            {
                at = NextStart(text, at + 1);
                continue;
            }

            if (token.Special && !trust.Covers(at, end))
            {
                // Untrusted text must not hide a token that the template wrote, so only what it owns is skipped.
                at = NextStart(text, trust.Overlaps(at, end) ? at + 1 : end);
                continue;
            }

            if (token.SingleWord && (WordBefore(text, at) || WordAfter(text, end)))
            {
                at = NextStart(text, end);
                continue;
            }

            var match = WithSpace(text, new(at, end, token), previous);
            matches.Add(match);
            previous = match.End;
            at = NextStart(text, match.End);
        }
    }

    private static AddedTokenMatch WithSpace(ReadOnlySpan<char> text, AddedTokenMatch match, int previous)
    {
        var (start, end, token) = match;
        while (token.TakesLeft && start > previous && char.IsWhiteSpace(text[start - 1]))
        {
            start--;
        }

        while (token.TakesRight && end < text.Length && char.IsWhiteSpace(text[end]))
        {
            end++;
        }

        return new(start, end, token);
    }

    private static bool WordBefore(ReadOnlySpan<char> text, int at) =>
        at > 0
        && Rune.DecodeLastFromUtf16(text[..at], out var rune, out _) == OperationStatus.Done
        && CharClass.Word.Contains(rune);

    private static bool WordAfter(ReadOnlySpan<char> text, int at) =>
        at < text.Length
        && Rune.DecodeFromUtf16(text[at..], out var rune, out _) == OperationStatus.Done
        && CharClass.Word.Contains(rune);

    private int NextStart(ReadOnlySpan<char> text, int from)
    {
        if (from >= text.Length)
        {
            return text.Length;
        }

        var found = text[from..].IndexOfAny(_firstCharacters);
        return found < 0 ? text.Length : from + found;
    }

    private (AddedToken Token, int End)? Longest(ReadOnlySpan<char> text, int start)
    {
        (AddedToken, int)? best = null;
        var node = _root;
        for (var at = start; at < text.Length && node.Children.TryGetValue(text[at], out var next);)
        {
            node = next;
            at++;
            best = node.Token is { } token ? (token, at) : best;
        }

        return best;
    }

    private sealed class Node
    {
        public Dictionary<char, Node> Children { get; } = [];

        public AddedToken? Token { get; private set; }

        public void Add(string spelling, AddedToken token)
        {
            var node = this;
            foreach (var character in spelling)
            {
                if (!node.Children.TryGetValue(character, out var next))
                {
                    node.Children[character] = next = new();
                }

                node = next;
            }

            node.Token = token;
        }
    }
}
