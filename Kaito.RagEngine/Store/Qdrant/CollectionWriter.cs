using Qdrant.Client.Grpc;

namespace Kaito.RagEngine.Store.Qdrant;

/// <summary>
/// Changes collections so that each change is seen whole or not at all. The server has no transactions, but one upsert or one
/// deletion by ids is one entry of its log. So chunks are uploaded first, under the id of the write; then one upsert of all
/// documents says that they are of this write; chunks of other writes are seen by nobody and removed last.
/// </summary>
internal sealed partial class CollectionWriter(QdrantCalls calls, PointIds ids, TimeProvider clock, ILogger<CollectionWriter> logger)
{
    // What a broken write has left is removed when nobody can be at it any more, on whatever machine.
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_lease = 2 * s_longest;

    private const int MostPoints = 256;
    private const int MostBytes = 4 << 20;
    private const int MostIds = 500;

    /// <summary>Stores documents where nobody looks yet.</summary>
    public async Task FillAsync(string collection, IEnumerable<StoredDocument> documents, CancellationToken cancellationToken)
    {
        var write = ids.NewWrite();
        var number = 0u;
        var points = documents.SelectMany(document =>
            Points.OfChunks(document, write, () => ++number).Append(Points.OfDocument(document, write)));
        foreach (var batch in Batches(points))
        {
            await UpsertAsync(collection, batch, cancellationToken);
        }
    }

    /// <summary>Stores documents, except those whose id is taken.</summary>
    public async Task AddAsync(
        Collection collection, IReadOnlyList<StoredDocument> documents, CancellationToken cancellationToken)
    {
        var known = await WritesAsync(collection.Name, [.. documents.Select(static d => d.Id)], cancellationToken);
        List<StoredDocument> fresh = [.. documents.Where(d => !known.ContainsKey(d.Id))];
        if (fresh.Count > 0)
        {
            await StoreAsync(collection, fresh, replaces: false, cancellationToken);
        }
    }

    /// <summary>Puts documents in the place of those with the same ids.</summary>
    public async Task ReplaceAsync(
        Collection collection, IReadOnlyList<StoredDocument> documents, CancellationToken cancellationToken)
    {
        var known = await WritesAsync(collection.Name, [.. documents.Select(static d => d.Id)], cancellationToken);
        List<StoredDocument> changed = [.. documents.Where(d => known.ContainsKey(d.Id))];
        if (changed.Count > 0)
        {
            await StoreAsync(collection, changed, replaces: true, cancellationToken);
        }
    }

    /// <summary>Removes documents; returns the ids that were there.</summary>
    public async Task<IReadOnlySet<string>> RemoveAsync(
        Collection collection, IReadOnlyCollection<string> documents, CancellationToken cancellationToken)
    {
        var known = await WritesAsync(collection.Name, documents, cancellationToken);
        var gone = known.Keys.ToHashSet(StringComparer.Ordinal);
        if (gone.Count > 0)
        {
            await SweepAsync(collection, cancellationToken);
            var write = ids.NewWrite();
            await UpsertAsync(collection.Name, [Points.OfWrite(write, gone)], cancellationToken);
            collection.Leave(write.Text);
            await CommitAsync(
                "removed",
                () => calls.RunAsync(
                    (client, ended) => client.DeleteAsync(
                        collection.Name, [.. gone.Select(static id => (PointId)PointIds.Document(id))],
                        cancellationToken: ended),
                    CancellationToken.None));
            await FinishAsync(collection, write, gone);
        }

        return gone;
    }

    /// <summary>Cleans up behind writes that were broken off.</summary>
    public async Task SweepAsync(Collection collection, CancellationToken cancellationToken)
    {
        var marks = calls.ScrollAsync(
            collection.Name, Filters.Kind(Members.WriteKind), MostPoints, true, false, cancellationToken);
        await foreach (var mark in marks)
        {
            var write = Guid.Parse(mark.Id.Uuid).ToString("D");
            if (collection.Broken.Contains(write) || clock.GetUtcNow() - WriteId.Began(write) > s_lease)
            {
                LogSweeping(write, collection.Name);
                var documents = mark.Payload[Members.Documents].ListValue.Values.Select(static v => v.StringValue);
                await CleanAsync(collection.Name, [.. documents], cancellationToken);
                await ForgetAsync(collection, write, cancellationToken);
            }
        }
    }

    private async Task StoreAsync(
        Collection collection, List<StoredDocument> documents, bool replaces, CancellationToken cancellationToken)
    {
        var write = ids.NewWrite();
        var number = 0u;
        var chunks = documents.SelectMany(d => Points.OfChunks(d, write, () => ++number));
        var heads = documents.ConvertAll(d => Points.OfDocument(d, write));
        var first = Batches(chunks).FirstOrDefault() ?? [];
        if (!replaces && first.Count == number && first.Count + heads.Count <= MostPoints)
        {
            // Few enough for one entry of the log, with nothing to remove.
            await CommitAsync("stored", () => UpsertAsync(collection.Name, [.. first, .. heads], CancellationToken.None));
            return;
        }

        await SweepAsync(collection, cancellationToken);
        await UploadAsync(collection, write, documents, cancellationToken);
        collection.Leave(write.Text);
        await CommitAsync("stored", () => UpsertAsync(collection.Name, heads, CancellationToken.None));
        await FinishAsync(collection, write, replaces ? [.. documents.Select(static d => d.Id)] : []);
    }

    private async Task UploadAsync(
        Collection collection, WriteId write, List<StoredDocument> documents, CancellationToken cancellationToken)
    {
        string[] names = [.. documents.Select(static d => d.Id)];
        using var limit = new CancellationTokenSource(s_longest, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        var number = 0u;
        collection.Hide(write.Text);
        try
        {
            await UpsertAsync(collection.Name, [Points.OfWrite(write, names)], either.Token);
            foreach (var batch in Batches(documents.SelectMany(d => Points.OfChunks(d, write, () => ++number))))
            {
                await UpsertAsync(collection.Name, batch, either.Token);
            }

            either.Token.ThrowIfCancellationRequested();
            collection.Show(write.Text);
        }
        catch (Exception failure)
        {
            // Seen by nobody; gone as soon as the server lets it go.
            collection.Leave(write.Text);
            await FinishAsync(collection, write, names);
            if (failure is OperationCanceledException && !cancellationToken.IsCancellationRequested)
            {
                throw new StoreException(
                    $"Uploading {names.Length} documents takes longer than {s_longest.TotalMinutes} minutes; nothing was "
                    + "changed. Send fewer at a time.");
            }

            throw;
        }
    }

    // One entry of the server's log: done or not, whatever happens to either side.
    private static async Task CommitAsync(string done, Func<Task> commit)
    {
        try
        {
            await commit();
        }
        catch (StoreException unknown)
        {
            throw new StoreException(
                $"{unknown.Message} It is not known whether the documents were {done}: send the request again.", unknown)
            {
                Unavailable = unknown.Unavailable,
                Full = unknown.Full,
            };
        }
    }

    // The change is done, or given up: neither waits for the rubbish.
    private async Task FinishAsync(Collection collection, WriteId write, IReadOnlyCollection<string> documents)
    {
        try
        {
            await CleanAsync(collection.Name, documents, CancellationToken.None);
            await ForgetAsync(collection, write.Text, CancellationToken.None);
        }
        catch (Exception failure) when (failure is StoreException or CollectionGoneException)
        {
            LogLeft(failure, write.Text, collection.Name);
        }
    }

    // Removes all chunks of documents that are not of the write that the document names.
    private async Task CleanAsync(
        string collection, IReadOnlyCollection<string> documents, CancellationToken cancellationToken)
    {
        foreach (var some in documents.Chunk(MostIds))
        {
            var writes = await WritesAsync(collection, some, cancellationToken);
            foreach (var group in some.GroupBy(id => writes.GetValueOrDefault(id)))
            {
                await calls.RunAsync(
                    (client, ended) => client.DeleteAsync(
                        collection, Filters.Chunks([.. group], group.Key), cancellationToken: ended),
                    cancellationToken);
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

    // Which write each document is of; those that are not there are left out.
    private async Task<Dictionary<string, string>> WritesAsync(
        string collection, IReadOnlyCollection<string> documents, CancellationToken cancellationToken)
    {
        var writes = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var some in documents.Distinct().Chunk(MostIds))
        {
            var found = await calls.RunAsync(
                (client, ended) => client.RetrieveAsync(
                    collection, [.. some.Select(static id => (PointId)PointIds.Document(id))],
                    new[] { Members.Document, Members.Write }, false, cancellationToken: ended),
                cancellationToken);
            foreach (var point in found)
            {
                writes[point.Read(Members.Document)] = point.Read(Members.Write);
            }
        }

        return writes;
    }

    private async Task UpsertAsync(
        string collection, IReadOnlyList<PointStruct> points, CancellationToken cancellationToken)
    {
        var result = await calls.RunAsync(
            (client, ended) => client.UpsertAsync(collection, points, cancellationToken: ended), cancellationToken);
        if (result.Status != UpdateStatus.Completed)
        {
            throw new StoreException(
                $"Qdrant at {calls.Address} answered {result.Status} where it was to wait until the change is done; try again.");
        }
    }

    private static IEnumerable<List<PointStruct>> Batches(IEnumerable<PointStruct> points)
    {
        var batch = new List<PointStruct>();
        var bytes = 0;
        foreach (var point in points)
        {
            var size = point.CalculateSize();
            if (batch.Count > 0 && (batch.Count == MostPoints || bytes + size > MostBytes))
            {
                yield return batch;
                (batch, bytes) = ([], 0);
            }

            batch.Add(point);
            bytes += size;
        }

        if (batch.Count > 0)
        {
            yield return batch;
        }
    }

    [LoggerMessage(LogLevel.Information, "Cleaning up behind write {Write} of collection {Collection}, which was broken off")]
    private partial void LogSweeping(string write, string collection);

    [LoggerMessage(LogLevel.Warning, "Write {Write} left chunks in collection {Collection} that nobody sees; they go later")]
    private partial void LogLeft(Exception failure, string write, string collection);
}
