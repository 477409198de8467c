using System.Collections.Immutable;

namespace Kaito.RagEngine.Retrieval;

/// <summary>Puts the best candidates into the order of a cross-encoder, where one is configured.</summary>
internal sealed class Reranker(RagEngineOptions options, TimeProvider clock) : IDisposable
{
    private readonly Lazy<CrossEncoder?> _judge = new(
        () => options.Reranking is { } reranking ? CrossEncoder.Load(reranking, clock) : null);

    /// <summary>Loads the model now rather than for the first question.</summary>
    /// <exception cref="Embedding.EmbeddingException">It cannot be used.</exception>
    public void Open() => _ = _judge.Value;

    /// <summary>
    /// The same passages. Those that were read have the model's score and come first; the others keep their order below.
    /// </summary>
    /// <param name="question">What they are to answer.</param>
    /// <param name="ranked">Best first, scores from 0 to 1.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="Embedding.EmbeddingException">The model failed.</exception>
    public async Task<ImmutableArray<Ranked>> OrderAsync(
        string question, ImmutableArray<Ranked> ranked, CancellationToken cancellationToken)
    {
        if (_judge.Value is not { } judge || ranked.IsEmpty)
        {
            return ranked;
        }

        var read = ranked[..Math.Min(options.Reranking!.Candidates, ranked.Length)];
        var scores = await judge.ScoreAsync(
            question, [.. read.Select(static r => r.Hit.Passage.Text)], cancellationToken);
        return Merge([.. read.Zip(scores, static (r, score) => r with { Score = score })], ranked[read.Length..]);
    }

    public void Dispose()
    {
        if (_judge.IsValueCreated)
        {
            _judge.Value?.Dispose();
        }
    }

    // The rest shares what is below the lowest score, so that scores fall from first to last.
    private static ImmutableArray<Ranked> Merge(ImmutableArray<Ranked> read, ImmutableArray<Ranked> rest)
    {
        var lowest = read.Min(static r => r.Score);
        return
        [
            .. read.OrderByDescending(static r => r.Score),
            .. rest.Select(r => r with { Score = r.Score * lowest }),
        ];
    }
}
