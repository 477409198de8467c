using System.Buffers;
using System.Collections.Frozen;
using System.Runtime.InteropServices;
using System.Text;

namespace Kaito.Tokenization.Models;

/// <summary>The vocabulary and flags of a unigram model.</summary>
internal sealed record UnigramSettings
{
    public required FrozenDictionary<string, int> Vocabulary { get; init; }

    /// <summary>Log probability of each id.</summary>
    public required IReadOnlyList<double> Scores { get; init; }

    /// <summary>Stands for characters that no piece spells.</summary>
    public required int? Unknown { get; init; }

    /// <summary>Spells such characters with <c>&lt;0xHH&gt;</c> tokens where the vocabulary has them all.</summary>
    public required bool ByteFallback { get; init; }
}

/// <summary>
/// Unigram language model: of all ways to cut a text into pieces, the one of the highest sum of scores. Costs O(n · m)
/// for n characters and a longest piece of m, whatever the length of the text.
/// </summary>
/// <seealso href="https://aclanthology.org/P18-1007/">Kudo, ACL 2018.</seealso>
internal sealed class UnigramModel : TokenModel
{
    private const double UnknownPenalty = 10;

    private readonly UnigramSettings _settings;
    private readonly PieceTrie _pieces;
    private readonly double[] _scores;
    private readonly double _unknownScore;
    private readonly ByteFallbackTable? _bytes;
    private readonly WordCache _cache = new();

    /// <param name="settings">The vocabulary and the flags of the file.</param>
    /// <param name="neverFromText">Special tokens: no text becomes one, however it is spelled.</param>
    public UnigramModel(UnigramSettings settings, FrozenSet<int> neverFromText)
        : base(settings.Vocabulary)
    {
        _settings = settings;
        _scores = [.. settings.Scores];
        _unknownScore = _scores.Min() - UnknownPenalty;
        _bytes = settings.ByteFallback ? new(settings.Vocabulary) : null;
        _pieces = new(settings.Vocabulary
            .Where(entry => !neverFromText.Contains(entry.Value))
            .Select(static entry => (entry.Key, entry.Value)));
    }

    public override void Encode(ReadOnlySpan<char> piece, List<int> ids)
    {
        if (_cache.TryGet(piece, out var known))
        {
            ids.AddRange(known);
            return;
        }

        var start = ids.Count;
        var arrivals = ArrayPool<Arrival>.Shared.Rent(piece.Length + 1);
        try
        {
            var best = arrivals.AsSpan(0, piece.Length + 1);
            best.Fill(Arrival.None);
            best[0] = new(0, 0, 0);
            FindBest(piece, best);
            Append(piece, best, ids);
        }
        finally
        {
            ArrayPool<Arrival>.Shared.Return(arrivals);
        }

        _cache.Add(piece, CollectionsMarshal.AsSpan(ids)[start..]);
    }

    // Of equal sums the one found first stays, so that the longer last piece wins, as in the reference implementation.
    private void FindBest(ReadOnlySpan<char> text, Span<Arrival> best)
    {
        for (var start = 0; start < text.Length;)
        {
            var sum = best[start].Score;
            Rune.DecodeFromUtf16(text[start..], out _, out var character);
            var spelled = false;
            var walk = _pieces.Walk(text[start..]);
            while (walk.MoveNext())
            {
                var (id, length) = walk.Current;
                best[start + length].Offer(start, sum + _scores[id], id);
                spelled |= length == character;
            }

            if (!spelled)
            {
                best[start + character].Offer(start, sum + _unknownScore, Arrival.Unknown);
            }

            start += character;
        }
    }

    private void Append(ReadOnlySpan<char> text, ReadOnlySpan<Arrival> best, List<int> ids)
    {
        var path = new List<(int Start, int End, int Id)>();
        for (var end = text.Length; end > 0; end = path[^1].Start)
        {
            path.Add((best[end].Start, end, best[end].Id));
        }

        for (var at = path.Count - 1; at >= 0; at--)
        {
            var (start, end, id) = path[at];
            if (id != Arrival.Unknown)
            {
                ids.Add(id);
                continue;
            }

            // Characters without a piece that stand together are one unknown.
            while (at > 0 && path[at - 1].Id == Arrival.Unknown)
            {
                end = path[--at].End;
            }

            AppendUnknown(text[start..end], ids);
        }
    }

    private void AppendUnknown(ReadOnlySpan<char> text, List<int> ids)
    {
        if (_bytes is not null)
        {
            var utf8 = new byte[Encoding.UTF8.GetByteCount(text)];
            Encoding.UTF8.GetBytes(text, utf8);
            if (_bytes.Covers(utf8))
            {
                foreach (var value in utf8)
                {
                    _bytes.TryGet(value, out var id);
                    ids.Add(id);
                }

                return;
            }
        }

        if (_settings.Unknown is { } unknown)
        {
            ids.Add(unknown);
        }
    }

    /// <summary>The best way to reach a place in the text.</summary>
    private struct Arrival(int start, double score, int id)
    {
        public const int Unknown = -1;

        private const int Unreached = -1;

        public static Arrival None => new(Unreached, 0, Unknown);

        public int Start { get; private set; } = start;

        public double Score { get; private set; } = score;

        public int Id { get; private set; } = id;

        public void Offer(int start, double score, int id)
        {
            if (Start == Unreached || score > Score)
            {
                (Start, Score, Id) = (start, score, id);
            }
        }
    }
}
