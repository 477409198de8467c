using Qdrant.Client.Grpc;

namespace Kaito.RagEngine.Store.Qdrant;

/// <summary>
/// Changes collections so that each change is seen whole or not at all. The server has no transactions, but one upsert or one
/// deletion by ids is one entry of its log. So chunks are uploaded first, under the id of the write; then one upsert of all
/// documents says that they are of this write; chunks of other writes are seen by nobody and removed last.
/// </summary>
internal sealed class CollectionWriter(QdrantCalls calls, Leftovers leftovers, PointIds ids, TimeProvider clock)
{
    private const int MostPoints = 256;
    private const int MostBytes = 4 << 20;

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
        var known = await leftovers.WritesAsync(collection.Name, Names(documents), cancellationToken);
        List<StoredDocument> fresh = [.. documents.Where(d => !known.ContainsKey(d.Id))];
        var write = ids.NewWrite();
        var number = 0u;
        var first = Batches(fresh.SelectMany(d => Points.OfChunks(d, write, () => ++number))).FirstOrDefault() ?? [];
        if (first.Count == number && first.Count + fresh.Count <= MostPoints)
        {
            // Few enough for one entry of the log.
            if (fresh.Count > 0)
            {
                await CommitAsync(
                    "stored",
                    () => UpsertAsync(
                        collection.Name, [.. first, .. fresh.Select(d => Points.OfDocument(d, write))], CancellationToken.None));
            }

            return;
        }

        await StoreAsync(collection, new(write, fresh, Before: []), cancellationToken);
    }

    /// <summary>Puts documents in the place of those with the same ids.</summary>
    public async Task ReplaceAsync(
        Collection collection, IReadOnlyList<StoredDocument> documents, CancellationToken cancellationToken)
    {
        var known = await leftovers.WritesAsync(collection.Name, Names(documents), cancellationToken);
        List<StoredDocument> changed = [.. documents.Where(d => known.ContainsKey(d.Id))];
        if (changed.Count > 0)
        {
            await StoreAsync(collection, new(ids.NewWrite(), changed, known), cancellationToken);
        }
    }

    /// <summary>Removes documents; returns the ids that were there.</summary>
    public async Task<IReadOnlySet<string>> RemoveAsync(
        Collection collection, IReadOnlyCollection<string> documents, CancellationToken cancellationToken)
    {
        var known = await leftovers.WritesAsync(collection.Name, documents, cancellationToken);
        if (known.Count > 0)
        {
            await leftovers.SweepAsync(collection, cancellationToken);
            var write = ids.NewWrite();
            await UpsertAsync(collection.Name, [Points.OfWrite(write, known.Keys, known)], cancellationToken);
            collection.Leave(write.Text);
            await CommitAsync(
                "removed",
                () => calls.RunAsync(
                    (client, ended) => client.DeleteAsync(
                        collection.Name, [.. known.Keys.Select(static id => (PointId)PointIds.Document(id))],
                        cancellationToken: ended),
                    CancellationToken.None));
            await leftovers.FinishAsync(collection, write.Text, [.. known.Select(static k => new Revision(k.Key, k.Value))]);
        }

        return known.Keys.ToHashSet(StringComparer.Ordinal);
    }

    private async Task StoreAsync(Collection collection, Upload upload, CancellationToken cancellationToken)
    {
        await leftovers.SweepAsync(collection, cancellationToken);
        var replaces = upload.Before.Count > 0;
        var before = await UploadAsync(collection, upload, cancellationToken);

        // Another machine may have added, replaced or removed some meanwhile.
        var heads = upload.Documents.FindAll(d => before.ContainsKey(d.Id) == replaces)
            .ConvertAll(d => Points.OfDocument(d, upload.Write));
        collection.Leave(upload.Write.Text);
        if (heads.Count > 0)
        {
            await CommitAsync("stored", () => UpsertAsync(collection.Name, heads, CancellationToken.None));
        }

        await leftovers.FinishAsync(collection, upload.Write.Text, [.. upload.Revisions(upload.Before), .. upload.Revisions(before)]);
    }

    // Returns the writes that the documents are of when all is uploaded.
    private async Task<Dictionary<string, string>> UploadAsync(
        Collection collection, Upload upload, CancellationToken cancellationToken)
    {
        var (write, documents) = (upload.Write, upload.Documents);
        var names = Names(documents);
        using var limit = new CancellationTokenSource(Leftovers.LongestWrite, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        var number = 0u;
        collection.Hide(write.Text);
        try
        {
            await UpsertAsync(collection.Name, [Points.OfWrite(write, names, upload.Before)], either.Token);
            foreach (var batch in Batches(documents.SelectMany(d => Points.OfChunks(d, write, () => ++number))))
            {
                await UpsertAsync(collection.Name, batch, either.Token);
            }

            var before = await leftovers.WritesAsync(collection.Name, names, either.Token);
            collection.Show(write.Text);
            return before;
        }
        catch (Exception failure)
        {
            // Seen by nobody; gone as soon as the server lets it go.
            collection.Leave(write.Text);
            await leftovers.FinishAsync(collection, write.Text, upload.Revisions([]));
            if (failure is OperationCanceledException && !cancellationToken.IsCancellationRequested)
            {
                throw new StoreException(
                    $"Uploading {names.Count} documents takes longer than {Leftovers.LongestWrite.TotalMinutes} minutes; "
                    + "nothing was changed. Send fewer at a time.");
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

    private static List<string> Names(IEnumerable<StoredDocument> documents) => [.. documents.Select(static d => d.Id)];

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

    /// <param name="Write">Id of the change.</param>
    /// <param name="Documents">Whole.</param>
    /// <param name="Before">Of which write they were when it began; empty when they are to be new.</param>
    private sealed record Upload(WriteId Write, List<StoredDocument> Documents, Dictionary<string, string> Before)
    {
        /// <summary>What of these documents may be of no use in the end.</summary>
        public List<Revision> Revisions(Dictionary<string, string> others) =>
        [
            .. Documents.Select(d => new Revision(d.Id, Write.Text)),
            .. Documents.Where(d => others.ContainsKey(d.Id)).Select(d => new Revision(d.Id, others[d.Id])),
        ];
    }
}
