using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Kaito.RagEngine.Embedding;
using Kaito.RagEngine.Retrieval;
using Kaito.RagEngine.Store;
using Kaito.RagEngine.Store.Embedded;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaito.Benchmarks.Retrieval;

/// <summary>
/// How often the passage that answers a question is among the first ten, on a collection written for it, with the built-in
/// embedder.
/// </summary>
internal sealed class QualityArea : IBenchArea
{
    private const int Depth = 50;
    private const int First = 10;

    public string Name => "ragquality";

    public async IAsyncEnumerable<Metric> MeasureAsync(
        bool quick, string scratch, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var collection = QualityCollection.Read();
        yield return new("ragquality.passages", collection.Passages.Length, "");
        yield return new("ragquality.questions", collection.Questions.Length, "");
        yield return new("ragquality.languages", collection.Passages.DistinctBy(static p => p.Language).Count(), "");
        var recall = await RecallAsync(collection, scratch, cancellationToken);
        yield return new("ragquality.recall10.dense", recall.Dense, "");
        yield return new("ragquality.recall10.keywords", recall.Keywords, "");
        yield return new("ragquality.recall10.hybrid", recall.Hybrid, "", new(0.95, Bound.AtLeast));
        yield return new(
            "ragquality.hybrid.gain", recall.Hybrid - Math.Max(recall.Dense, recall.Keywords), "", new(0, Bound.AtLeast));
        yield return new("ragquality.mrr10.dense", recall.DenseRank, "");
        yield return new("ragquality.mrr10.keywords", recall.KeywordsRank, "");
        yield return new("ragquality.mrr10.hybrid", recall.HybridRank, "");
    }

    /// <summary>Shares of questions whose passage is among the first ten, and mean reciprocal ranks.</summary>
    public static async Task<Recall> RecallAsync(
        QualityCollection collection, string scratch, CancellationToken cancellationToken)
    {
        await using var store = new SqliteStore(
            new() { LiveFolder = Path.Combine(scratch, "live") }, TimeProvider.System, NullLogger<SqliteStore>.Instance);
        return await RecallAsync(collection, store, cancellationToken);
    }

    /// <summary>The same, of a store that has not been opened.</summary>
    public static async Task<Recall> RecallAsync(
        QualityCollection collection, IDocumentStore store, CancellationToken cancellationToken)
    {
        await store.OpenAsync(cancellationToken);
        await store.TryCreateAsync(
            new("quality", HashedGrams.Name, HashedGrams.Dimensions),
            [.. collection.Passages.Select(static p => new StoredDocument(
                p.Id, "", "{}", [new(p.Id, p.Text, 0, p.Text.Length, HashedGrams.Embed(p.Text))]))],
            cancellationToken);
        var (dense, sparse, hybrid) = (new List<int>(), new List<int>(), new List<int>());
        foreach (var (passage, text) in collection.Questions)
        {
            var found = (await store.SearchAsync(
                "quality", new(HashedGrams.Embed(text), text, MetadataFilter.None, Depth), cancellationToken))!;
            dense.Add(Rank(found.Dense.Select(static hit => hit.Passage.DocumentId), passage));
            sparse.Add(Rank(found.Sparse.Select(static hit => hit.Passage.DocumentId), passage));
            hybrid.Add(Rank(Fusion.ReciprocalRank(found).Select(static r => r.Hit.Passage.DocumentId), passage));
        }

        return new(Share(dense), Share(sparse), Share(hybrid), Mean(dense), Mean(sparse), Mean(hybrid))
        {
            Missed = [.. collection.Questions.Where((_, at) => hybrid[at] > First).Select(static q => q.Text)],
        };
    }

    // From 1 on; larger than ten when it is not there.
    private static int Rank(IEnumerable<string> found, string wanted)
    {
        var at = found.Take(First).ToList().IndexOf(wanted);
        return at < 0 ? First + 1 : at + 1;
    }

    private static double Share(List<int> ranks) => ranks.Average(static rank => rank <= First ? 1.0 : 0);

    private static double Mean(List<int> ranks) => ranks.Average(static rank => rank <= First ? 1.0 / rank : 0);
}

/// <summary>Recall at ten, then mean reciprocal rank, of each search and of both together.</summary>
internal sealed record Recall(
    double Dense, double Keywords, double Hybrid, double DenseRank, double KeywordsRank, double HybridRank)
{
    /// <summary>Questions whose passage both together did not find.</summary>
    public ImmutableArray<string> Missed { get; init; } = [];
}

/// <param name="Id">Of the passage.</param>
/// <param name="Language">Two letters.</param>
/// <param name="Text">Of the passage.</param>
internal sealed record QualityPassage(string Id, string Language, string Text);

/// <summary>Passages, and questions that each one passage answers.</summary>
/// <param name="Passages">In several languages.</param>
/// <param name="Questions">With the id of the passage that answers.</param>
internal sealed record QualityCollection(
    ImmutableArray<QualityPassage> Passages, ImmutableArray<(string Passage, string Text)> Questions)
{
    // One line each. Passage: language, tab, text. A line that begins with "?" asks about the passage above it.
    private const string Resource = "Kaito.Benchmarks.Retrieval.quality.txt";

    public static QualityCollection Read()
    {
        using var stream = typeof(QualityCollection).Assembly.GetManifestResourceStream(Resource)!;
        using var reader = new StreamReader(stream);
        var passages = ImmutableArray.CreateBuilder<QualityPassage>();
        var questions = ImmutableArray.CreateBuilder<(string Passage, string Text)>();
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('?'))
            {
                questions.Add((passages[^1].Id, line[1..].Trim()));
            }
            else if (line.Split('\t', 2) is [var language, var text])
            {
                passages.Add(new(FormattableString.Invariant($"p{passages.Count + 1}"), language, text));
            }
        }

        return new(passages.ToImmutable(), questions.ToImmutable());
    }
}
