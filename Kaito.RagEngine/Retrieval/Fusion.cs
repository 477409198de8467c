using System.Collections.Immutable;
using System.Numerics.Tensors;
using Kaito.RagEngine.Store;

namespace Kaito.RagEngine.Retrieval;

/// <summary>A hit and how good it is.</summary>
/// <param name="Hit">What was found.</param>
/// <param name="Score">0 to 1; 1 is first in every list.</param>
/// <param name="Source"><c>both</c>, <c>dense_only</c> or <c>sparse_only</c>.</param>
internal sealed record Ranked(Hit Hit, double Score, string Source);

/// <summary>PURE: one ranking out of two.</summary>
internal static class Fusion
{
    private const double Damping = 60;

    /// <summary>Reciprocal rank fusion: a passage scores Σ 1 / (60 + rank) over the lists that contain it.</summary>
    /// <param name="found">Both lists, each best first.</param>
    /// <returns>Best first; ties by node id, so that equal inputs give equal output.</returns>
    /// <seealso href="https://doi.org/10.1145/1571941.1572114">Cormack, Clarke and Buettcher, SIGIR 2009.</seealso>
    public static ImmutableArray<Ranked> ReciprocalRank(Candidates found)
    {
        var scores = new Dictionary<string, (Hit Hit, double Score, int Lists)>(StringComparer.Ordinal);
        Add(scores, found.Sparse, 2);
        Add(scores, found.Dense, 1);
        var best = 2 / (Damping + 1);
        return
        [
            .. scores.Values.Select(s => new Ranked(s.Hit, s.Score / best, Source(s.Lists)))
                .OrderByDescending(static r => r.Score)
                .ThenBy(static r => r.Hit.Passage.NodeId, StringComparer.Ordinal),
        ];
    }

    /// <summary>Maximal marginal relevance: takes the best next passage that is not too like one already taken.</summary>
    /// <param name="ranked">Best first, with vectors; those without one count as unlike all others.</param>
    /// <param name="count">Most to take.</param>
    /// <param name="relevance">Weight of the score against novelty, 0 to 1.</param>
    /// <seealso href="https://doi.org/10.1145/290941.291025">Carbonell and Goldstein, SIGIR 1998.</seealso>
    public static ImmutableArray<Ranked> Diverse(ImmutableArray<Ranked> ranked, int count, double relevance)
    {
        var taken = ImmutableArray.CreateBuilder<Ranked>();
        var left = ranked.ToList();
        var likeness = new double[left.Count];
        while (left.Count > 0 && taken.Count < count)
        {
            var next = Enumerable.Range(0, left.Count)
                .MaxBy(at => (relevance * left[at].Score) - ((1 - relevance) * likeness[at]));
            var chosen = left[next];
            taken.Add(chosen);
            left.RemoveAt(next);
            likeness = [.. likeness.Where((_, at) => at != next)];
            for (var at = 0; at < left.Count; at++)
            {
                likeness[at] = Math.Max(likeness[at], Likeness(left[at].Hit.Vector, chosen.Hit.Vector));
            }
        }

        return taken.ToImmutable();
    }

    private static double Likeness(ReadOnlyMemory<float> one, ReadOnlyMemory<float> other) =>
        one.IsEmpty || other.IsEmpty ? 0 : TensorPrimitives.Dot(one.Span, other.Span);

    private static void Add(
        Dictionary<string, (Hit Hit, double Score, int Lists)> scores, ImmutableArray<Hit> list, int bit)
    {
        for (var rank = 0; rank < list.Length; rank++)
        {
            var hit = list[rank];
            var (had, score, lists) = scores.GetValueOrDefault(hit.Passage.NodeId);
            var merged = had is null ? hit : had with { Keywords = had.Keywords ?? hit.Keywords, Cosine = had.Cosine ?? hit.Cosine };
            scores[hit.Passage.NodeId] = (merged, score + (1 / (Damping + rank + 1)), lists | bit);
        }
    }

    private static string Source(int lists) => lists switch
    {
        3 => "both",
        1 => "dense_only",
        _ => "sparse_only",
    };
}
