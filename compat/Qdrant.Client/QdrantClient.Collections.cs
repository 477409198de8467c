using Google.Protobuf;
using Qdrant.Client.Grpc;

namespace Qdrant.Client;

public partial class QdrantClient
{
    /// <summary>Makes a collection with named vectors.</summary>
    /// <param name="collectionName">1 to 255 characters, none of <c>&lt; &gt; : " / \ | ? *</c>.</param>
    /// <param name="vectorsConfig">Dense vectors by name.</param>
    /// <param name="shardNumber">In a cluster; else 1.</param>
    /// <param name="replicationFactor">In a cluster; else 1.</param>
    /// <param name="writeConsistencyFactor">In a cluster; else 1.</param>
    /// <param name="onDiskPayload">Payloads stay on disk, rather than in memory.</param>
    /// <param name="sparseVectorsConfig">Sparse vectors by name.</param>
    /// <param name="timeout">How long the server may take, in whole seconds.</param>
    /// <param name="cancellationToken">Ends the call here.</param>
    /// <exception cref="QdrantException">The server did not make it.</exception>
    public async Task CreateCollectionAsync(
        string collectionName,
        VectorParamsMap? vectorsConfig = null,
        uint shardNumber = 1,
        uint replicationFactor = 1,
        uint writeConsistencyFactor = 1,
        bool onDiskPayload = false,
        SparseVectorConfig? sparseVectorsConfig = null,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default)
    {
        var request = new CreateCollection
        {
            CollectionName = collectionName,
            ShardNumber = shardNumber,
            ReplicationFactor = replicationFactor,
            WriteConsistencyFactor = writeConsistencyFactor,
            OnDiskPayload = onDiskPayload,
            SparseVectorsConfig = sparseVectorsConfig,
        };
        if (vectorsConfig is not null)
        {
            request.VectorsConfig = new() { ParamsMap = vectorsConfig };
        }

        if (Seconds(timeout) is { } seconds)
        {
            request.Timeout = seconds;
        }

        await ChangeAsync("Collections/Create", request, $"Collection '{collectionName}' could not be created", cancellationToken);
    }

    /// <summary>Removes a collection, by its own name, with all points.</summary>
    /// <param name="collectionName">Not an alias.</param>
    /// <param name="timeout">How long the server may take, in whole seconds.</param>
    /// <param name="cancellationToken">Ends the call here.</param>
    /// <exception cref="QdrantException">There is no such collection.</exception>
    public async Task DeleteCollectionAsync(
        string collectionName, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        var request = new DeleteCollection { CollectionName = collectionName };
        if (Seconds(timeout) is { } seconds)
        {
            request.Timeout = seconds;
        }

        await ChangeAsync("Collections/Delete", request, $"Collection '{collectionName}' could not be deleted", cancellationToken);
    }

    /// <summary>Names of all collections, in no order.</summary>
    public async Task<IReadOnlyList<string>> ListCollectionsAsync(CancellationToken cancellationToken = default)
    {
        var answer = await CallAsync(
            "Collections/List", new ListCollectionsRequest(), ListCollectionsResponse.Parser, cancellationToken);
        return [.. answer.Collections.Select(static collection => collection.Name)];
    }

    /// <summary>Makes and removes aliases, all at once.</summary>
    /// <param name="aliasOperations">In order.</param>
    /// <param name="timeout">How long the server may take, in whole seconds.</param>
    /// <param name="cancellationToken">Ends the call here.</param>
    /// <exception cref="QdrantException">The server did not do it.</exception>
    public async Task UpdateAliasesAsync(
        IReadOnlyList<AliasOperations> aliasOperations,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default)
    {
        var request = new ChangeAliases { Actions = { aliasOperations } };
        if (Seconds(timeout) is { } seconds)
        {
            request.Timeout = seconds;
        }

        await ChangeAsync("Collections/UpdateAliases", request, "Alias update operation could not be performed", cancellationToken);
    }

    /// <summary>All aliases of all collections.</summary>
    public async Task<IReadOnlyList<AliasDescription>> ListAliasesAsync(CancellationToken cancellationToken = default) =>
        (await CallAsync("Collections/ListAliases", new ListAliasesRequest(), ListAliasesResponse.Parser, cancellationToken))
        .Aliases;

    private static ulong? Seconds(TimeSpan? timeout) => timeout is not { } given
        ? null
        : given.Ticks % TimeSpan.TicksPerSecond == 0
            ? (ulong)(given.Ticks / TimeSpan.TicksPerSecond)
            : throw new ArgumentException("Give whole seconds.", nameof(timeout));

    private async Task ChangeAsync(
        string method, IMessage request, string otherwise, CancellationToken cancellationToken)
    {
        if (!(await CallAsync(method, request, CollectionOperationResponse.Parser, cancellationToken)).Result)
        {
            throw new QdrantException(otherwise);
        }
    }
}
