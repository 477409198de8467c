using Kaito.Embeddings;
using Polly;
using Polly.Retry;

namespace Kaito.RagEngine.Embedding;

/// <summary>Where the embedder comes from.</summary>
internal interface IEmbedderSource
{
    /// <exception cref="EmbeddingException">It cannot be made now; asking again may help.</exception>
    Task<Embedder> MakeAsync(CancellationToken cancellationToken);
}

/// <summary>Makes the embedder that the settings ask for.</summary>
internal sealed partial class EmbedderChoice(
    RagEngineOptions options, IHttpClientFactory clients, TimeProvider clock, ILogger<EmbedderChoice> logger)
    : IEmbedderSource
{
    public const string ClientName = "embedding";

    public async Task<Embedder> MakeAsync(CancellationToken cancellationToken)
    {
        switch (options.Embedding)
        {
            case EmbeddingSource.Local local:
                return Local(local);
            case EmbeddingSource.Remote remote:
                var generator = new RemoteEmbeddings(remote, clients.CreateClient(ClientName), Pipeline());
                var sample = await generator.GenerateAsync(
                    ["This is a dummy sentence."], cancellationToken: cancellationToken);
                var name = remote.Dialect == EmbeddingDialect.OpenAI ? remote.Model : remote.Url.AbsoluteUri;
                return new(
                    $"remote/{name}", sample[0].Vector.Length, "remote", Embedder.UsualThreshold, generator);
            default:
                return HashedGrams.Create();
        }
    }

    private Embedder Local(EmbeddingSource.Local local)
    {
        string[] places = [local.Model, Path.Combine(local.ModelsFolder, local.Model)];
        if (places.FirstOrDefault(EncoderFolder.IsAt) is { } folder)
        {
            return EncoderModel.Load(folder, local.Model, clock);
        }

        LogStandIn(local.Model, local.ModelsFolder);
        return HashedGrams.Create() with { StandsInFor = local.Model };
    }

    private ResiliencePipeline Pipeline() => new ResiliencePipelineBuilder { TimeProvider = clock }
        .AddRetry(new RetryStrategyOptions
        {
            MaxRetryAttempts = 2,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = TimeSpan.FromMilliseconds(300),
            ShouldHandle = new PredicateBuilder().Handle<HttpRequestException>(static failure =>
                failure.StatusCode is null || (int)failure.StatusCode is 429 or >= 500),
        })
        .Build();

    [LoggerMessage(
        LogLevel.Warning,
        "The embedding model {Model} is not below {Folder}: the built-in embedder stands in for it. Put its ONNX folder "
        + "there (or set RAG_MODELS_DIR) and index the documents again for better results")]
    private partial void LogStandIn(string model, string folder);
}
