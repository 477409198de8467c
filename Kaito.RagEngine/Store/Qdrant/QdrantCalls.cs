using Grpc.Core;
using Qdrant.Client;
using Qdrant.Client.Grpc;

namespace Kaito.RagEngine.Store.Qdrant;

/// <summary>
/// Calls of one server. All of them may be made twice, so those that meet a server that is away are made again, a few times.
/// </summary>
internal sealed partial class QdrantCalls : IDisposable
{
    // With their metadata these stay below four mebibytes, which some clients take at most.
    private const int MostIds = 200;

    private static readonly TimeSpan[] s_pauses =
        [TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(400), TimeSpan.FromMilliseconds(1200)];

    private readonly QdrantChannel _channel;
    private readonly QdrantClient _client;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;

    public QdrantCalls(RagEngineOptions options, TimeProvider clock, ILogger<QdrantCalls> logger)
    {
        (Address, _clock, _logger) = (options.StoreUrl!, clock, logger);
        _channel = QdrantChannel.ForAddress(
            Address, new() { ApiKey = options.StoreKey, CertificateThumbprint = options.StoreCertificate });
        _client = new(new QdrantGrpcClient(_channel), options.StoreTimeout);
    }

    /// <summary>Where the server is.</summary>
    public Uri Address { get; }

    /// <param name="call">Made up to four times.</param>
    /// <param name="cancellationToken">Ends calls and pauses.</param>
    /// <exception cref="StoreException">The server is away or refuses.</exception>
    /// <exception cref="CollectionGoneException">There is no such collection.</exception>
    public async Task<T> RunAsync<T>(
        Func<QdrantClient, CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return await OnceAsync(call, cancellationToken);
            }
            catch (StoreException failure) when (
                attempt < s_pauses.Length && failure.InnerException is RpcException rpc && Faults.Passing(rpc))
            {
                LogAgain(failure.Message);
                await Task.Delay(s_pauses[attempt], _clock, cancellationToken);
            }
        }
    }

    public Task RunAsync(Func<QdrantClient, CancellationToken, Task> call, CancellationToken cancellationToken) =>
        RunAsync(
            async (client, ended) =>
            {
                await call(client, ended);
                return true;
            },
            cancellationToken);

    /// <summary>As <see cref="RunAsync{T}"/>, but made once.</summary>
    public async Task<T> OnceAsync<T>(
        Func<QdrantClient, CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        try
        {
            return await call(_client, cancellationToken);
        }
        catch (RpcException failure) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(failure.Message, failure, cancellationToken);
        }
        catch (RpcException gone) when (gone.StatusCode == StatusCode.NotFound)
        {
            throw new CollectionGoneException(gone);
        }
        catch (RpcException failure)
        {
            throw Faults.Word(failure, Address);
        }
        catch (QdrantException refused)
        {
            throw new StoreException($"Qdrant at {Address}: {refused.Message}.", refused);
        }
    }

    /// <summary>Reads page after page to the end.</summary>
    public async IAsyncEnumerable<RetrievedPoint> ScrollAsync(
        string collection,
        Filter filter,
        uint page,
        WithPayloadSelector payload,
        WithVectorsSelector vectors,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        PointId? next = null;
        do
        {
            var from = next;
            var answer = await RunAsync(
                (client, ended) => client.ScrollAsync(
                    collection, filter, page, from, payload, vectors, cancellationToken: ended),
                cancellationToken);
            foreach (var point in answer.Result)
            {
                yield return point;
            }

            next = answer.NextPageOffset;
        }
        while (next is not null);
    }

    /// <summary>Documents by their ids; those that are not there are left out.</summary>
    /// <param name="collection">Where they are.</param>
    /// <param name="ids">Any number, in any order.</param>
    /// <param name="members">What is read of each, besides its id.</param>
    /// <param name="cancellationToken">Ends calls and pauses.</param>
    public async Task<Dictionary<string, RetrievedPoint>> DocumentsAsync(
        string collection, IEnumerable<string> ids, string[] members, CancellationToken cancellationToken)
    {
        string[] payload = [Members.Document, .. members];
        var documents = new Dictionary<string, RetrievedPoint>(StringComparer.Ordinal);
        foreach (var some in ids.Distinct().Chunk(MostIds))
        {
            var found = await RunAsync(
                (client, ended) => client.RetrieveAsync(
                    collection, [.. some.Select(static id => (PointId)PointIds.Document(id))], payload, false,
                    cancellationToken: ended),
                cancellationToken);
            foreach (var point in found)
            {
                documents[point.Read(Members.Document)] = point;
            }
        }

        return documents;
    }

    public void Dispose()
    {
        _client.Dispose();
        _channel.Dispose();
    }

    [LoggerMessage(LogLevel.Warning, "Trying again: {Problem}")]
    private partial void LogAgain(string problem);
}
