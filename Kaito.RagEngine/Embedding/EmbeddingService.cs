using Kaito.RagEngine.Metrics;

namespace Kaito.RagEngine.Embedding;

/// <summary>Makes vectors for everybody; asks for the embedder until there is one.</summary>
internal sealed class EmbeddingService(IEmbedderSource choice, RagMetrics metrics, TimeProvider clock) : IDisposable
{
    private const int BatchTexts = 256;

    private readonly SemaphoreSlim _making = new(1);
    private Embedder? _embedder;

    /// <summary>Why there is no embedder yet; <see langword="null"/> when there is one, or nobody has asked.</summary>
    public string? Problem { get; private set; }

    /// <summary>The embedder, if it has been made.</summary>
    public Embedder? Ready => _embedder;

    /// <exception cref="EmbeddingException">It cannot be made now.</exception>
    public async ValueTask<Embedder> GetAsync(CancellationToken cancellationToken)
    {
        if (_embedder is { } made)
        {
            return made;
        }

        await _making.WaitAsync(cancellationToken);
        try
        {
            _embedder ??= await choice.MakeAsync(cancellationToken);
            Problem = null;
            return _embedder;
        }
        catch (EmbeddingException failure)
        {
            Problem = failure.Message;
            throw;
        }
        finally
        {
            _making.Release();
        }
    }

    /// <summary>One vector of length 1 per passage, in order.</summary>
    /// <exception cref="EmbeddingException">The embedder failed.</exception>
    public async Task<List<ReadOnlyMemory<float>>> PassagesAsync(
        IReadOnlyCollection<string> texts, CancellationToken cancellationToken)
    {
        var embedder = await GetAsync(cancellationToken);
        var vectors = new List<ReadOnlyMemory<float>>(texts.Count);
        foreach (var batch in texts.Chunk(BatchTexts))
        {
            vectors.AddRange(await RunAsync(embedder, batch, cancellationToken));
        }

        return vectors;
    }

    /// <summary>The vector of a question; empty when nothing in it says anything.</summary>
    /// <exception cref="EmbeddingException">The embedder failed.</exception>
    public async Task<ReadOnlyMemory<float>> QuestionAsync(string text, CancellationToken cancellationToken)
    {
        var embedder = await GetAsync(cancellationToken);
        var vector = (await RunAsync(embedder, [embedder.QueryPrefix + text], cancellationToken))[0];
        return vector.Span.ContainsAnyExcept(0f) ? vector : default;
    }

    public void Dispose()
    {
        _embedder?.Dispose();
        _making.Dispose();
    }

    private async Task<List<ReadOnlyMemory<float>>> RunAsync(
        Embedder embedder, string[] texts, CancellationToken cancellationToken)
    {
        var started = clock.GetTimestamp();
        var status = "failure";
        try
        {
            var made = await embedder.Generator.GenerateAsync(texts, cancellationToken: cancellationToken);
            if (made.Count != texts.Length || made.Any(vector => vector.Vector.Length != embedder.Dimensions))
            {
                throw new EmbeddingException(
                    $"{embedder.Name} gave {made.Count} vectors for {texts.Length} texts, or not of "
                    + $"{embedder.Dimensions} dimensions as before; restart the service after a change of the model.");
            }

            status = "success";
            return [.. made.Select(static vector => vector.Vector)];
        }
        finally
        {
            metrics.Embeddings.Add(status, embedder.Mode);
            metrics.EmbeddingTime.Record(clock.GetElapsedTime(started).TotalSeconds, status, embedder.Mode);
        }
    }
}
