using System.Collections.Immutable;
using Kaito.RagEngine.Embedding;
using Kaito.RagEngine.Http;
using Kaito.RagEngine.Indexing;
using Kaito.RagEngine.Metrics;
using Kaito.RagEngine.Store;

namespace Kaito.RagEngine.Retrieval;

/// <summary>Finds passages by meaning and by words, and makes one ranking of both.</summary>
internal sealed class Retriever(
    IDocumentStore store, EmbeddingService embeddings, Reranker reranker, RagMetrics metrics, RagEngineOptions options,
    TimeProvider clock)
{
    // Each search looks deeper than the answer is long: what is tenth in both lists beats what is first in one.
    private const int DepthFactor = 3;
    private const int LeastDepth = 50;

    // Weight of the score against novelty.
    private const double Relevance = 0.7;

    /// <exception cref="RagException">There is no such index, or its vectors are another embedder's.</exception>
    /// <exception cref="EmbeddingException">The question cannot be embedded.</exception>
    /// <exception cref="StoreException">The store failed.</exception>
    public async Task<ImmutableArray<Ranked>> RetrieveAsync(
        string index, string question, MetadataFilter filter, int count, CancellationToken cancellationToken)
    {
        await RequireAsync(index, cancellationToken);
        var started = clock.GetTimestamp();
        var vector = await embeddings.QuestionAsync(question, cancellationToken);
        var depth = Math.Max(LeastDepth, DepthFactor * count);
        var query = new StoreQuery(vector, question, filter, depth) { WithVectors = options.Diversify };
        var found = await SearchAsync(index, query, cancellationToken);
        var ranked = await reranker.OrderAsync(question, Fusion.ReciprocalRank(found), cancellationToken);
        var best = options.Diversify
            ? Fusion.Diverse(ranked, count, Relevance)
            : [.. ranked.Take(count)];
        Record(found, best, count, started);
        return best;
    }

    /// <summary>Whether there is such an index, made by this service's embedder.</summary>
    /// <exception cref="RagException">There is not.</exception>
    public async Task RequireAsync(string index, CancellationToken cancellationToken)
    {
        var all = await store.ListAsync(cancellationToken);
        var description = all.FirstOrDefault(d => d.Name == index) ?? throw RagException.NoIndex(index);
        Indexer.RequireSame(description, await embeddings.GetAsync(cancellationToken));
    }

    private async Task<Candidates> SearchAsync(string index, StoreQuery query, CancellationToken cancellationToken)
    {
        var started = clock.GetTimestamp();
        var status = "error";
        try
        {
            var found = await store.SearchAsync(index, query, cancellationToken) ?? throw RagException.NoIndex(index);
            status = "success";
            return found;
        }
        finally
        {
            metrics.StoreTime.Record(clock.GetElapsedTime(started).TotalSeconds, "query", status);
        }
    }

    private void Record(Candidates found, ImmutableArray<Ranked> best, int count, long started)
    {
        var hybrid = metrics.Hybrid;
        hybrid.Mode.Add("hybrid");
        hybrid.Latency.Record(clock.GetElapsedTime(started).TotalSeconds);
        hybrid.Asked.Record(count);
        hybrid.Dense.Record(found.Dense.Length);
        hybrid.Sparse.Record(found.Sparse.Length);
        hybrid.Overlap.Record(best.Count(static r => r.Source == "both"));
        hybrid.DenseOnly.Record(best.Count(static r => r.Source == "dense_only"));
        hybrid.SparseOnly.Record(best.Count(static r => r.Source == "sparse_only"));
        if (best.Length > 0)
        {
            hybrid.Top.Record(best[0].Score);
            hybrid.Median.Record(best[best.Length / 2].Score);
            hybrid.Spread.Record(best[0].Score - best[^1].Score);
        }
    }
}
