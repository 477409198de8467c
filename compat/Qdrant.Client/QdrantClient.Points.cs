using Qdrant.Client.Grpc;

namespace Qdrant.Client;

public partial class QdrantClient
{
    /// <summary>Stores points in the place of those with the same ids.</summary>
    /// <param name="collectionName">Or an alias.</param>
    /// <param name="points">Replaced whole: vectors and payload.</param>
    /// <param name="wait">Answer when the change can be seen, not when it is queued.</param>
    /// <param name="cancellationToken">Ends the call here; the change may happen all the same.</param>
    public async Task<UpdateResult> UpsertAsync(
        string collectionName,
        IReadOnlyList<PointStruct> points,
        bool wait = true,
        CancellationToken cancellationToken = default)
    {
        var request = new UpsertPoints { CollectionName = collectionName, Wait = wait, Points = { points } };
        return (await CallAsync("Points/Upsert", request, PointsOperationResponse.Parser, cancellationToken)).Result;
    }

    /// <summary>Removes points by their ids; unknown ones do not matter.</summary>
    /// <param name="collectionName">Or an alias.</param>
    /// <param name="ids">Of the points.</param>
    /// <param name="wait">Answer when the change can be seen, not when it is queued.</param>
    /// <param name="cancellationToken">Ends the call here; the change may happen all the same.</param>
    public Task<UpdateResult> DeleteAsync(
        string collectionName,
        IReadOnlyList<PointId> ids,
        bool wait = true,
        CancellationToken cancellationToken = default) =>
        DeleteAsync(collectionName, new PointsSelector { Points = new() { Ids = { ids } } }, wait, cancellationToken);

    /// <summary>Removes the points that pass a filter.</summary>
    /// <param name="collectionName">Or an alias.</param>
    /// <param name="filter">Of the points.</param>
    /// <param name="wait">Answer when the change can be seen, not when it is queued.</param>
    /// <param name="cancellationToken">Ends the call here; the change may happen all the same.</param>
    public Task<UpdateResult> DeleteAsync(
        string collectionName, Filter filter, bool wait = true, CancellationToken cancellationToken = default) =>
        DeleteAsync(collectionName, new PointsSelector { Filter = filter }, wait, cancellationToken);

    /// <summary>Reads points by their ids; unknown ones are left out, and the order is the server's.</summary>
    /// <param name="collectionName">Or an alias.</param>
    /// <param name="ids">Of the points.</param>
    /// <param name="payloadSelector">What to answer of payloads.</param>
    /// <param name="vectorSelector">What to answer of vectors.</param>
    /// <param name="cancellationToken">Ends the call here.</param>
    public async Task<IReadOnlyList<RetrievedPoint>> RetrieveAsync(
        string collectionName,
        IReadOnlyList<PointId> ids,
        WithPayloadSelector payloadSelector,
        WithVectorsSelector vectorSelector,
        CancellationToken cancellationToken = default)
    {
        var request = new GetPoints
        {
            CollectionName = collectionName,
            Ids = { ids },
            WithPayload = payloadSelector,
            WithVectors = vectorSelector,
        };
        return (await CallAsync("Points/Get", request, GetResponse.Parser, cancellationToken)).Result;
    }

    /// <summary>Reads points page by page, by ascending ids.</summary>
    /// <param name="collectionName">Or an alias.</param>
    /// <param name="filter"><see langword="null"/> for all.</param>
    /// <param name="limit">Most points of this page, from 1.</param>
    /// <param name="offset">Id to begin with: the last page's <c>NextPageOffset</c>.</param>
    /// <param name="payloadSelector">What to answer of payloads; all, unless told otherwise.</param>
    /// <param name="vectorsSelector">What to answer of vectors; none, unless told otherwise.</param>
    /// <param name="cancellationToken">Ends the call here.</param>
    public Task<ScrollResponse> ScrollAsync(
        string collectionName,
        Filter? filter = null,
        uint limit = 10,
        PointId? offset = null,
        WithPayloadSelector? payloadSelector = null,
        WithVectorsSelector? vectorsSelector = null,
        CancellationToken cancellationToken = default)
    {
        var request = new ScrollPoints
        {
            CollectionName = collectionName,
            Filter = filter,
            Limit = limit,
            Offset = offset,
            WithPayload = payloadSelector ?? true,
            WithVectors = vectorsSelector ?? false,
        };
        return CallAsync("Points/Scroll", request, ScrollResponse.Parser, cancellationToken);
    }

    /// <summary>How many points pass a filter.</summary>
    /// <param name="collectionName">Or an alias.</param>
    /// <param name="filter"><see langword="null"/> for all.</param>
    /// <param name="exact">Counted, not estimated.</param>
    /// <param name="cancellationToken">Ends the call here.</param>
    public async Task<ulong> CountAsync(
        string collectionName, Filter? filter = null, bool exact = true, CancellationToken cancellationToken = default)
    {
        var request = new CountPoints { CollectionName = collectionName, Filter = filter, Exact = exact };
        return (await CallAsync("Points/Count", request, CountResponse.Parser, cancellationToken)).Result.Count;
    }

    /// <summary>Runs several searches in one call.</summary>
    /// <param name="collectionName">Or an alias; each query names it once more.</param>
    /// <param name="queries">What to look for.</param>
    /// <param name="cancellationToken">Ends the call here.</param>
    /// <returns>One result for each query, in their order.</returns>
    public async Task<IReadOnlyList<BatchResult>> QueryBatchAsync(
        string collectionName, IReadOnlyList<QueryPoints> queries, CancellationToken cancellationToken = default)
    {
        var request = new QueryBatchPoints { CollectionName = collectionName, QueryPoints = { queries } };
        return (await CallAsync("Points/QueryBatch", request, QueryBatchResponse.Parser, cancellationToken)).Result;
    }

    /// <summary>Makes filters on a member of payloads fast.</summary>
    /// <param name="collectionName">Or an alias.</param>
    /// <param name="fieldName">JSON path of the member.</param>
    /// <param name="schemaType">What its values are.</param>
    /// <param name="wait">Answer when it is made.</param>
    /// <param name="cancellationToken">Ends the call here; the change may happen all the same.</param>
    public async Task<UpdateResult> CreatePayloadIndexAsync(
        string collectionName,
        string fieldName,
        PayloadSchemaType schemaType = PayloadSchemaType.Keyword,
        bool wait = true,
        CancellationToken cancellationToken = default)
    {
        var request = new CreateFieldIndexCollection
        {
            CollectionName = collectionName,
            FieldName = fieldName,
            Wait = wait,
            FieldType = schemaType switch
            {
                PayloadSchemaType.UnknownType => throw new ArgumentException("Give a known type.", nameof(schemaType)),
                var known => Enum.Parse<FieldType>(known.ToString()),
            },
        };
        return (await CallAsync("Points/CreateFieldIndex", request, PointsOperationResponse.Parser, cancellationToken)).Result;
    }

    private async Task<UpdateResult> DeleteAsync(
        string collectionName, PointsSelector points, bool wait, CancellationToken cancellationToken)
    {
        var request = new DeletePoints { CollectionName = collectionName, Wait = wait, Points = points };
        return (await CallAsync("Points/Delete", request, PointsOperationResponse.Parser, cancellationToken)).Result;
    }
}
