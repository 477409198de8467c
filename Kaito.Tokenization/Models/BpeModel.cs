using System.Collections.Frozen;
using System.Runtime.InteropServices;
using System.Text;

namespace Kaito.Tokenization.Models;

/// <summary>
/// Byte-pair encoding: starts from single characters and joins the adjacent pair of lowest rank, leftmost first, until
/// no pair has a rank. Costs O(n log n) for a piece of n characters.
/// </summary>
/// <seealso href="https://aclanthology.org/P16-1162/">Sennrich, Haddow and Birch, ACL 2016.</seealso>
internal sealed class BpeModel : TokenModel
{
    private const int Dropped = -1;

    private readonly BpeSettings _settings;
    private readonly FrozenDictionary<(int Left, int Right), BpeMerge> _merges;
    private readonly FrozenDictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _lookup;
    private readonly FrozenSet<int> _neverFromText;
    private readonly ByteFallbackTable? _bytes;
    private readonly WordCache _cache = new();

    /// <param name="settings">The vocabulary and the flags of the file.</param>
    /// <param name="merges">Keyed by the ids of both halves.</param>
    /// <param name="neverFromText">Special tokens: a piece spelled like one is merged from its characters.</param>
    public BpeModel(
        BpeSettings settings,
        FrozenDictionary<(int Left, int Right), BpeMerge> merges,
        FrozenSet<int> neverFromText)
        : base(settings.Vocabulary)
    {
        _settings = settings;
        _merges = merges;
        _neverFromText = neverFromText;
        _lookup = settings.Vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        _bytes = settings.ByteFallback ? new(settings.Vocabulary) : null;
    }

    public override void Encode(ReadOnlySpan<char> piece, List<int> ids)
    {
        if (_cache.TryGet(piece, out var known))
        {
            ids.AddRange(known);
            return;
        }

        var start = ids.Count;
        if (_settings.IgnoreMerges && _lookup.TryGetValue(piece, out var whole) && !_neverFromText.Contains(whole))
        {
            ids.Add(whole);
        }
        else
        {
            var symbols = new List<int>(piece.Length);
            Split(piece, symbols);
            BpeMerger.Merge(CollectionsMarshal.AsSpan(symbols), _merges, ids);
        }

        _cache.Add(piece, CollectionsMarshal.AsSpan(ids)[start..]);
    }

    private void Split(ReadOnlySpan<char> piece, List<int> symbols)
    {
        // An unknown character waits for the next known one, so that it comes out after byte tokens in between:
        // the reference implementation does the same.
        var pending = false;
        var first = true;
        Span<byte> utf8 = stackalloc byte[4];
        for (var rest = piece; rest.Length > 0; first = false)
        {
            Rune.DecodeFromUtf16(rest, out var rune, out var consumed);
            var last = consumed == rest.Length;
            var id = Find(rest[..consumed], first, last);
            rest = rest[consumed..];
            if (id != Dropped)
            {
                AddUnknown(symbols, ref pending);
                symbols.Add(id);
                continue;
            }

            var bytes = utf8[..rune.EncodeToUtf8(utf8)];
            if (_bytes is not null && _bytes.Covers(bytes))
            {
                AddBytes(symbols, bytes);
            }
            else if (_settings.Unknown is not null)
            {
                if (!_settings.FuseUnknown)
                {
                    AddUnknown(symbols, ref pending);
                }

                pending = true;
            }
        }

        AddUnknown(symbols, ref pending);
    }

    private void AddUnknown(List<int> symbols, ref bool pending)
    {
        if (pending)
        {
            symbols.Add(_settings.Unknown!.Value);
            pending = false;
        }
    }

    private void AddBytes(List<int> symbols, ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
        {
            _bytes!.TryGet(value, out var id);
            symbols.Add(id);
        }
    }

    private int Find(ReadOnlySpan<char> character, bool first, bool last)
    {
        var prefix = first ? null : _settings.ContinuingPrefix;
        var suffix = last ? _settings.EndSuffix : null;
        return (prefix, suffix) is (null, null)
            ? _lookup.TryGetValue(character, out var id) ? id : Dropped
            : _lookup.TryGetValue($"{prefix}{character}{suffix}", out id) ? id : Dropped;
    }
}
