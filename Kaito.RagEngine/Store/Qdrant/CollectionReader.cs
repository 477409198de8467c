using System.Collections.Immutable;
using System.Numerics.Tensors;
using Qdrant.Client.Grpc;

namespace Kaito.RagEngine.Store.Qdrant;

/// <summary>
/// Reads collections. A chunk counts only when its document names the write that has uploaded it, so nothing of a change that
/// is under way, or was broken off, is ever seen.
/// </summary>
internal sealed class CollectionReader(QdrantCalls calls)
{
    private const int MostTries = 4;
    private const uint SmallPage = 1000;
    private const uint IdPage = 8000;

    // With texts and vectors these stay below four mebibytes, which some clients take at most.
    private const int ChunkPage = 128;

    private static readonly string[] s_document = [Members.Write, Members.Hash, Members.Metadata];
    private static readonly string[] s_version = [Members.Document, Members.Write];

    public async Task<Candidates> SearchAsync(Collection collection, StoreQuery query, CancellationToken cancellationToken)
    {
        var dead = new HashSet<Revision>();
        for (var tries = 1; ; tries++)
        {
            var (dense, sparse) = await FindAsync(collection, query, dead, cancellationToken);
            var documents = await DocumentsAsync(
                collection.Name, dense.Concat(sparse).Select(static found => found.Revision.Document), cancellationToken);
            var before = dead.Count;
            dead.UnionWith(dense.Concat(sparse).Select(static found => found.Revision).Where(r => !IsAlive(r, documents)));
            if (dead.Count == before || tries == MostTries)
            {
                return await ReadAsync(
                    collection.Name, query, Alive(dense, documents), Alive(sparse, documents), documents, cancellationToken);
            }
        }
    }

    /// <summary>Pages in the order of insertion.</summary>
    public async Task<PassagePage> PageAsync(
        Collection collection, MetadataFilter metadata, int offset, int limit, CancellationToken cancellationToken)
    {
        var marks = await calls.RunAsync(
            (client, ended) => client.CountAsync(
                collection.Name, Filters.Kind(Members.WriteKind), cancellationToken: ended),
            cancellationToken);
        return marks == 0
            ? await CleanPageAsync(collection.Name, metadata, offset, limit, cancellationToken)
            : await CheckedPageAsync(collection.Name, metadata, offset, limit, cancellationToken);
    }

    public async Task<IReadOnlyDictionary<string, string>> HashesAsync(
        string collection, IReadOnlyCollection<string> documents, CancellationToken cancellationToken)
    {
        var found = await calls.DocumentsAsync(collection, documents, [Members.Hash], cancellationToken);
        return found.ToDictionary(static d => d.Key, static d => d.Value.Read(Members.Hash), StringComparer.Ordinal);
    }

    /// <summary>Every document with its chunks, in the order of insertion; those without chunks come last.</summary>
    public async IAsyncEnumerable<StoredDocument> ExportAsync(
        string collection, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (at, chunks) = (default(RetrievedPoint), new List<StoredChunk>());
        var points = calls.ScrollAsync(
            collection, Filters.Kind(Members.ChunkKind), ChunkPage, true, new[] { Members.DenseVector }, cancellationToken);
        await foreach (var some in points.Chunk(ChunkPage).WithCancellation(cancellationToken))
        {
            var documents = await DocumentsAsync(collection, some.Select(static p => p.Read(Members.Document)), cancellationToken);
            foreach (var point in some)
            {
                var id = point.Read(Members.Document);
                if (!documents.TryGetValue(id, out var document) || document.Read(Members.Write) != point.Read(Members.Write))
                {
                    continue;
                }

                if (at is not null && at.Read(Members.Document) != id)
                {
                    yield return Whole(at, chunks);
                    chunks.Clear();
                }

                at = document;
                chunks.Add(new(
                    point.Read(Members.Node), point.Read(Members.Text), point.Number(Members.Start),
                    point.Number(Members.End), point.Dense()));
            }
        }

        if (at is not null)
        {
            yield return Whole(at, chunks);
        }

        var heads = calls.ScrollAsync(
            collection, Filters.Kind(Members.DocumentKind), SmallPage, true, false, cancellationToken);
        await foreach (var head in heads.Where(static head => head.Number(Members.Chunks) == 0).WithCancellation(cancellationToken))
        {
            yield return Whole(head, []);
        }
    }

    private static StoredDocument Whole(RetrievedPoint document, List<StoredChunk> chunks) => new(
        document.Read(Members.Document), document.Read(Members.Hash), document.Read(Members.Metadata), [.. chunks]);

    private static bool IsAlive(Revision revision, Dictionary<string, RetrievedPoint> documents) =>
        documents.TryGetValue(revision.Document, out var document) && document.Read(Members.Write) == revision.Write;

    private static List<Found> Alive(List<Found> found, Dictionary<string, RetrievedPoint> documents) =>
        found.FindAll(f => IsAlive(f.Revision, documents));

    private async Task<(List<Found> Dense, List<Found> Sparse)> FindAsync(
        Collection collection, StoreQuery query, HashSet<Revision> dead, CancellationToken cancellationToken)
    {
        var words = WordVector.OfQuestion(query.Text);
        var queries = new List<QueryPoints>();
        if (!query.Vector.IsEmpty && query.Count > 0)
        {
            queries.Add(Ask(query.Vector.ToArray(), Members.DenseVector));
        }

        if (words.Indices.Length > 0 && query.Count > 0)
        {
            queries.Add(Ask(words, Members.WordsVector));
        }

        if (queries.Count == 0)
        {
            return ([], []);
        }

        var results = await calls.RunAsync(
            (client, ended) => client.QueryBatchAsync(collection.Name, queries, cancellationToken: ended), cancellationToken);
        var lists = results.Select(static result => Sorted(result.Result)).ToList();
        return (queries[0].Using, lists.Count) switch
        {
            (Members.DenseVector, 2) => (lists[0], lists[1].FindAll(static found => found.Score > 0)),
            (Members.DenseVector, _) => (lists[0], []),
            _ => ([], lists[0].FindAll(static found => found.Score > 0)),
        };

        QueryPoints Ask(Query vector, string name) => new()
        {
            CollectionName = collection.Name,
            Query = vector,
            Using = name,
            Limit = (ulong)query.Count,
            Filter = Filters.Matching(Members.ChunkKind, query.Filter).Without(collection.Uploading).Without(dead),
            WithPayload = s_version,
            WithVectors = false,
        };
    }

    // Of equal scores the older one comes first.
    private static List<Found> Sorted(IEnumerable<ScoredPoint> points) =>
    [
        .. points.Select(static point => new Found(
                Guid.Parse(point.Id.Uuid), new(point.Read(Members.Document), point.Read(Members.Write)), point.Score))
            .OrderByDescending(static found => found.Score).ThenBy(static found => found.Id.ToString("N"), StringComparer.Ordinal),
    ];

    private async Task<Candidates> ReadAsync(
        string collection,
        StoreQuery query,
        List<Found> dense,
        List<Found> sparse,
        Dictionary<string, RetrievedPoint> documents,
        CancellationToken cancellationToken)
    {
        var near = dense.ToDictionary(static found => found.Id, static found => (double?)found.Score);
        var said = sparse.ToDictionary(static found => found.Id, static found => (double?)found.Score);
        var chunks = await ChunksAsync(collection, near.Keys, query.WithVectors, cancellationToken);
        var others = said.Keys.Where(id => !near.ContainsKey(id));
        foreach (var (id, chunk) in await ChunksAsync(
            collection, others, query.WithVectors || !query.Vector.IsEmpty, cancellationToken))
        {
            chunks[id] = chunk;
        }

        return new([.. Hits(dense)], [.. Hits(sparse)]);

        IEnumerable<Hit> Hits(List<Found> list) => list
            .Where(found => chunks.ContainsKey(found.Id))
            .Select(found => Hit(found, chunks[found.Id], documents[found.Revision.Document]));

        Hit Hit(Found found, RetrievedPoint chunk, RetrievedPoint document)
        {
            var vector = chunk.Dense();
            return new(
                Passage(chunk, document),
                near.TryGetValue(found.Id, out var cosine) ? cosine : Likeness(vector, query.Vector.Span),
                said.GetValueOrDefault(found.Id))
            {
                Vector = query.WithVectors ? vector : default(ReadOnlyMemory<float>),
            };
        }
    }

    private static double? Likeness(float[] vector, ReadOnlySpan<float> question) =>
        question.IsEmpty || vector.Length != question.Length ? null : TensorPrimitives.Dot(vector, question);

    private static Passage Passage(RetrievedPoint chunk, RetrievedPoint document) => new(
        chunk.Read(Members.Node), chunk.Read(Members.Document), chunk.Read(Members.Text), document.Read(Members.Metadata),
        chunk.Number(Members.Start), chunk.Number(Members.End));

    private async Task<PassagePage> CleanPageAsync(
        string collection, MetadataFilter metadata, int offset, int limit, CancellationToken cancellationToken)
    {
        var filter = Filters.Matching(Members.ChunkKind, metadata);
        var total = await calls.RunAsync(
            (client, ended) => client.CountAsync(collection, filter, cancellationToken: ended), cancellationToken);
        if ((ulong)offset >= total)
        {
            return new([], (int)total);
        }

        // Ids only, up to the page.
        var ids = new List<Guid>();
        var left = offset;
        PointId? next = null;
        do
        {
            var (from, most) = (next, (uint)Math.Min(IdPage, left + limit - ids.Count));
            var answer = await calls.RunAsync(
                (client, ended) => client.ScrollAsync(collection, filter, most, from, false, false, cancellationToken: ended),
                cancellationToken);
            ids.AddRange(answer.Result.Skip(left).Select(static point => Guid.Parse(point.Id.Uuid)));
            left = Math.Max(0, left - answer.Result.Count);
            next = answer.NextPageOffset;
        }
        while (next is not null && ids.Count < limit);

        var chunks = await ChunksAsync(collection, ids, vectors: false, cancellationToken);
        var documents = await DocumentsAsync(
            collection, chunks.Values.Select(static chunk => chunk.Read(Members.Document)), cancellationToken);
        return new([.. ids.Where(chunks.ContainsKey).Select(id => chunks[id]).Where(Alive).Select(Shown)], (int)total);

        bool Alive(RetrievedPoint chunk) => IsAlive(new(chunk.Read(Members.Document), chunk.Read(Members.Write)), documents);

        Passage Shown(RetrievedPoint chunk) => Passage(chunk, documents[chunk.Read(Members.Document)]);
    }

    // Something is being changed, or was broken off: every chunk before the page is checked.
    private async Task<PassagePage> CheckedPageAsync(
        string collection, MetadataFilter metadata, int offset, int limit, CancellationToken cancellationToken)
    {
        var documents = new Dictionary<string, RetrievedPoint>(StringComparer.Ordinal);
        var heads = calls.ScrollAsync(
            collection, Filters.Matching(Members.DocumentKind, metadata), SmallPage, true, false, cancellationToken);
        await foreach (var head in heads)
        {
            documents[head.Read(Members.Document)] = head;
        }

        var found = new List<Passage>();
        var skipped = 0;
        var chunks = calls.ScrollAsync(
            collection, Filters.Matching(Members.ChunkKind, metadata), ChunkPage, true, false, cancellationToken);
        await foreach (var chunk in chunks)
        {
            if (!IsAlive(new(chunk.Read(Members.Document), chunk.Read(Members.Write)), documents) || skipped++ < offset)
            {
                continue;
            }

            if (found.Count == limit)
            {
                break;
            }

            found.Add(Passage(chunk, documents[chunk.Read(Members.Document)]));
        }

        return new([.. found], documents.Values.Sum(static head => head.Number(Members.Chunks)));
    }

    private Task<Dictionary<string, RetrievedPoint>> DocumentsAsync(
        string collection, IEnumerable<string> ids, CancellationToken cancellationToken) =>
        calls.DocumentsAsync(collection, ids, s_document, cancellationToken);

    private async Task<Dictionary<Guid, RetrievedPoint>> ChunksAsync(
        string collection, IEnumerable<Guid> ids, bool vectors, CancellationToken cancellationToken)
    {
        WithVectorsSelector selected = vectors ? new[] { Members.DenseVector } : false;
        var pages = ids.Chunk(ChunkPage).Select(some => calls.RunAsync(
            (client, ended) => client.RetrieveAsync(
                collection, [.. some.Select(static id => (PointId)id)], true, selected, cancellationToken: ended),
            cancellationToken));
        return (await Task.WhenAll(pages)).SelectMany(static page => page)
            .ToDictionary(static point => Guid.Parse(point.Id.Uuid));
    }

    /// <param name="Id">Of the chunk.</param>
    /// <param name="Revision">Whose it is.</param>
    /// <param name="Score">Higher is better.</param>
    private sealed record Found(Guid Id, Revision Revision, float Score);
}
