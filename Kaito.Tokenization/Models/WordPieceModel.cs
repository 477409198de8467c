using System.Collections.Frozen;
using System.Runtime.InteropServices;

namespace Kaito.Tokenization.Models;

/// <summary>
/// The vocabulary and flags of a WordPiece model.
/// </summary>
internal sealed record WordPieceSettings
{
    public required FrozenDictionary<string, int> Vocabulary { get; init; }

    /// <summary>Stands for a whole word that cannot be spelled.</summary>
    public required int Unknown { get; init; }

    /// <summary>Starts every piece but the first of a word.</summary>
    public required string ContinuingPrefix { get; init; }

    /// <summary>Words of more characters are unknown.</summary>
    public required int LongestWord { get; init; }
}

/// <summary>
/// WordPiece: takes the longest piece that fits, again and again; a word of which any part is left is unknown as a
/// whole. Costs O(n · m) for a word of n characters and a longest piece of m.
/// </summary>
internal sealed class WordPieceModel : TokenModel
{
    private readonly WordPieceSettings _settings;
    private readonly PieceTrie _starts;
    private readonly PieceTrie _continuations;
    private readonly WordCache _cache = new();

    /// <param name="settings">The vocabulary and the flags of the file.</param>
    /// <param name="neverFromText">Special tokens: no word becomes one, however it is spelled.</param>
    public WordPieceModel(WordPieceSettings settings, FrozenSet<int> neverFromText)
        : base(settings.Vocabulary)
    {
        _settings = settings;
        var prefix = settings.ContinuingPrefix;
        var ordinary = settings.Vocabulary.Where(entry => !neverFromText.Contains(entry.Value)).ToArray();
        _starts = new(ordinary.Select(static entry => (entry.Key, entry.Value)));
        _continuations = new(ordinary
            .Where(entry => entry.Key.StartsWith(prefix, StringComparison.Ordinal))
            .Select(entry => (entry.Key[prefix.Length..], entry.Value)));
    }

    public override void Encode(ReadOnlySpan<char> piece, List<int> ids)
    {
        if (_cache.TryGet(piece, out var known))
        {
            ids.AddRange(known);
            return;
        }

        var start = ids.Count;
        if (!Fits(piece) || !TrySpell(piece, ids))
        {
            ids.RemoveRange(start, ids.Count - start);
            ids.Add(_settings.Unknown);
        }

        _cache.Add(piece, CollectionsMarshal.AsSpan(ids)[start..]);
    }

    private bool Fits(ReadOnlySpan<char> word)
    {
        if (word.Length <= _settings.LongestWord)
        {
            return true;
        }

        var characters = 0;
        foreach (var _ in word.EnumerateRunes())
        {
            characters++;
        }

        return characters <= _settings.LongestWord;
    }

    private bool TrySpell(ReadOnlySpan<char> word, List<int> ids)
    {
        var trie = _starts;
        for (var rest = word; rest.Length > 0; trie = _continuations)
        {
            var walk = trie.Walk(rest);
            var (id, length) = (-1, 0);
            while (walk.MoveNext())
            {
                (id, length) = walk.Current;
            }

            if (length == 0)
            {
                return false;
            }

            ids.Add(id);
            rest = rest[length..];
        }

        return true;
    }
}
