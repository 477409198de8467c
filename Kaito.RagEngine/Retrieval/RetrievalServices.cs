using Kaito.RagEngine.Embedding;
using Kaito.RagEngine.Indexing;
using Kaito.RagEngine.Persistence;
using Kaito.RagEngine.Store;
using Kaito.RagEngine.Store.Embedded;
using Kaito.RagEngine.Store.Qdrant;

namespace Kaito.RagEngine.Retrieval;

/// <summary>What indexing and retrieval are made of.</summary>
internal static class RetrievalServices
{
    public static void AddRetrieval(this IServiceCollection services)
    {
        services.AddHttpClient(EmbedderChoice.ClientName, static client => client.Timeout = TimeSpan.FromSeconds(60));
        services.AddSingleton<IEmbedderSource, EmbedderChoice>();
        services.AddSingleton<EmbeddingService>();
        services.AddSingleton<IDocumentStore>(static provider =>
            provider.GetRequiredService<RagEngineOptions>().Store switch
            {
                StoreKind.Embedded => ActivatorUtilities.CreateInstance<SqliteStore>(provider),
                _ => ActivatorUtilities.CreateInstance<QdrantStore>(provider),
            });
        services.AddSingleton<Indexer>();
        services.AddSingleton<Reranker>();
        services.AddSingleton<Retriever>();
        services.AddSingleton<IndexFolders>();
        services.AddSingleton<SnapshotRestore>();
        services.AddHostedService<StoreStart>();
    }
}

/// <summary>
/// Opens the store before the first request; then makes the embedder, and brings back what upstream's service left.
/// </summary>
internal sealed partial class StoreStart(
    IDocumentStore store, EmbeddingService embeddings, Reranker reranker, SnapshotRestore snapshots, TimeProvider clock,
    ILogger<StoreStart> logger) : BackgroundService
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(5);

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await store.OpenAsync(cancellationToken);
        reranker.Open();
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                var embedder = await embeddings.GetAsync(stoppingToken);
                LogReady(embedder.Name, embedder.Dimensions);
                await snapshots.RunAsync(stoppingToken);
                return;
            }
            catch (EmbeddingException failure)
            {
                LogWaiting(failure.Message);
                await Task.Delay(s_pause, clock, stoppingToken);
            }
        }
    }

    [LoggerMessage(LogLevel.Information, "Embedder {Name} with {Dimensions} dimensions is ready")]
    private partial void LogReady(string name, int dimensions);

    [LoggerMessage(LogLevel.Warning, "There is no embedder yet: {Problem}")]
    private partial void LogWaiting(string problem);
}
