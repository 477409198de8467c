using Qdrant.Client.Grpc;

namespace Kaito.RagEngine.Store.Qdrant;

/// <summary>
/// Takes away chunks that no document names any more, or never did. Nobody sees them, so this may come late; but each is taken
/// away by its document and its write, so that what others are uploading stays.
/// </summary>
internal sealed partial class Leftovers(QdrantCalls calls, TimeProvider clock, ILogger<Leftovers> logger)
{
    private const int MostIds = 500;
    private const uint MostMarks = 64;
    private const int LongestMinutes = 10;

    // What a broken write has left goes when nobody can be at it any more, on whatever machine.
    private static readonly TimeSpan s_lease = TimeSpan.FromMinutes(2 * LongestMinutes);

    /// <summary>A write gives up after it.</summary>
    public static TimeSpan LongestWrite { get; } = TimeSpan.FromMinutes(LongestMinutes);

    /// <summary>Which write each document is of; those that are not there are left out.</summary>
    public async Task<Dictionary<string, string>> WritesAsync(
        string collection, IEnumerable<string> documents, CancellationToken cancellationToken)
    {
        var found = await calls.DocumentsAsync(collection, documents, [Members.Write], cancellationToken);
        return found.ToDictionary(static d => d.Key, static d => d.Value.Read(Members.Write), StringComparer.Ordinal);
    }

    /// <summary>Ends a write that is done, or given up: neither waits for the rubbish.</summary>
    /// <param name="collection">Where it was.</param>
    /// <param name="write">Its id.</param>
    /// <param name="revisions">What may be of no use now.</param>
    public async Task FinishAsync(Collection collection, string write, IReadOnlyCollection<Revision> revisions)
    {
        try
        {
            await CleanAsync(collection.Name, revisions, CancellationToken.None);
            await ForgetAsync(collection, write, CancellationToken.None);
        }
        catch (Exception failure) when (failure is StoreException or CollectionGoneException)
        {
            LogLeft(failure, write, collection.Name);
        }
    }

    /// <summary>Cleans up behind writes that were broken off.</summary>
    public async Task SweepAsync(Collection collection, CancellationToken cancellationToken)
    {
        var marks = calls.ScrollAsync(
            collection.Name, Filters.Kind(Members.WriteKind), MostMarks, true, false, cancellationToken);
        await foreach (var mark in marks)
        {
            var write = Guid.Parse(mark.Id.Uuid).ToString("D");
            if (collection.Broken.Contains(write) || clock.GetUtcNow() - WriteId.Began(write) > s_lease)
            {
                LogSweeping(write, collection.Name);
                var documents = mark.List(Members.Documents);
                var revisions = documents.Zip(mark.List(Members.Before), static (id, before) => new Revision(id, before))
                    .Concat(documents.Select(id => new Revision(id, write)));
                await CleanAsync(collection.Name, [.. revisions], cancellationToken);
                await ForgetAsync(collection, write, cancellationToken);
            }
        }
    }

    private async Task CleanAsync(
        string collection, IReadOnlyCollection<Revision> revisions, CancellationToken cancellationToken)
    {
        foreach (var some in revisions.Where(static r => r.Write.Length > 0).Distinct().Chunk(MostIds))
        {
            var writes = await WritesAsync(collection, some.Select(static r => r.Document), cancellationToken);
            var dead = some.Where(r => writes.GetValueOrDefault(r.Document) != r.Write);
            foreach (var group in dead.GroupBy(static r => r.Write))
            {
                var filter = Filters.Chunks(group.Key, [.. group.Select(static r => r.Document)]);
                await calls.RunAsync(
                    (client, ended) => client.DeleteAsync(collection, filter, cancellationToken: ended), cancellationToken);
            }
        }
    }

    private async Task ForgetAsync(Collection collection, string write, CancellationToken cancellationToken)
    {
        await calls.RunAsync(
            (client, ended) => client.DeleteAsync(
                collection.Name, [(PointId)Guid.Parse(write)], cancellationToken: ended),
            cancellationToken);
        collection.Forget(write);
    }

    [LoggerMessage(LogLevel.Information, "Cleaning up behind write {Write} of collection {Collection}, which was broken off")]
    private partial void LogSweeping(string write, string collection);

    [LoggerMessage(LogLevel.Warning, "Write {Write} left chunks in collection {Collection} that nobody sees; they go later")]
    private partial void LogLeft(Exception failure, string write, string collection);
}
