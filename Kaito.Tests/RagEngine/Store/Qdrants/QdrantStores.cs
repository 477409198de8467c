using Kaito.RagEngine;
using Kaito.RagEngine.Store.Qdrant;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaito.Tests.RagEngine.Store.Qdrants;

/// <summary>Makes stores that use a server.</summary>
internal static class QdrantStores
{
    public static QdrantStore On(
        QdrantServer server, RagEngineOptions? options = null, TimeProvider? clock = null, ILoggerFactory? loggers = null) =>
        On(server.Address, options, clock, loggers);

    public static QdrantStore On(
        Uri address, RagEngineOptions? options = null, TimeProvider? clock = null, ILoggerFactory? loggers = null) =>
        new(
            (options ?? new()) with { Store = StoreKind.Qdrant, StoreUrl = address }, clock ?? new HastyTime(),
            loggers ?? NullLoggerFactory.Instance);

    /// <summary>A store that has been opened.</summary>
    public static async Task<QdrantStore> OpenAsync(
        QdrantServer server, RagEngineOptions? options = null, TimeProvider? clock = null)
    {
        var store = On(server, options, clock);
        await store.OpenAsync(TestContext.Current.CancellationToken);
        return store;
    }
}
