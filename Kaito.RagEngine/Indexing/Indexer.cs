using System.Collections.Immutable;
using Kaito.RagEngine.Chunking;
using Kaito.RagEngine.Embedding;
using Kaito.RagEngine.Http;
using Kaito.RagEngine.Metrics;
using Kaito.RagEngine.Store;

namespace Kaito.RagEngine.Indexing;

/// <param name="Updated">Changed and stored.</param>
/// <param name="Unchanged">As they were already.</param>
/// <param name="NotFound">Ids that the index does not have.</param>
internal sealed record UpdateOutcome(
    ImmutableArray<WireDocument> Updated, ImmutableArray<WireDocument> Unchanged, ImmutableArray<WireDocument> NotFound);

/// <summary>Turns documents into chunks with vectors and stores them: all documents of a call, or none.</summary>
internal sealed class Indexer(IDocumentStore store, EmbeddingService embeddings, RagMetrics metrics, TimeProvider clock)
{
    /// <summary>Stores documents that the index does not have; makes the index if there is something to store.</summary>
    /// <returns>The documents with their ids, in order.</returns>
    public async Task<ImmutableArray<WireDocument>> IndexAsync(
        string index, IReadOnlyList<WireDocument> documents, CancellationToken cancellationToken)
    {
        ImmutableArray<WireDocument> named =
            [.. documents.Select(static d => d with { Id = ContentHash.DocumentId(d.Text) })];
        if (!named.IsEmpty)
        {
            var embedder = await embeddings.GetAsync(cancellationToken);
            var taken = await HashesAsync(index, embedder, named, cancellationToken);
            var fresh = named.Where(d => taken?.ContainsKey(d.Id) is not true);
            await StoreAsync(index, await PrepareAsync(fresh, cancellationToken), cancellationToken);
        }

        return named;
    }

    /// <summary>Cuts and embeds documents, each id once; those without words are left out.</summary>
    public async Task<List<StoredDocument>> PrepareAsync(
        IEnumerable<WireDocument> documents, CancellationToken cancellationToken)
    {
        var embedder = await embeddings.GetAsync(cancellationToken);
        var made = await MakeAsync(documents.DistinctBy(static d => d.Id), embedder, cancellationToken);
        return [.. made.Where(static d => d.Chunks.Length > 0)];
    }

    /// <summary>Stores prepared documents, unless their ids are taken; makes the index if there is none.</summary>
    public async Task StoreAsync(
        string index, List<StoredDocument> documents, CancellationToken cancellationToken)
    {
        var embedder = await embeddings.GetAsync(cancellationToken);
        await WatchAsync(
            "insert", () => PutAsync(new(index, embedder.Name, embedder.Dimensions), documents, cancellationToken));
    }

    /// <exception cref="RagException">There is no such index.</exception>
    public async Task<UpdateOutcome> UpdateAsync(
        string index, IReadOnlyList<WireDocument> documents, CancellationToken cancellationToken)
    {
        var embedder = await embeddings.GetAsync(cancellationToken);
        var hashes = await HashesAsync(index, embedder, documents, cancellationToken) ?? throw RagException.NoIndex(index);
        var outcome = new UpdateOutcome(
            [.. documents.Where(d => hashes.TryGetValue(d.Id, out var hash) && hash != HashOf(d))],
            [.. documents.Where(d => hashes.TryGetValue(d.Id, out var hash) && hash == HashOf(d))],
            [.. documents.Where(d => !hashes.ContainsKey(d.Id))]);

        // Of several changes to one document the last one counts.
        var made = await MakeAsync(
            outcome.Updated.Reverse().DistinctBy(static d => d.Id).Reverse(), embedder, cancellationToken);
        if (made.Count > 0 && !await WatchAsync("insert", () => store.ReplaceAsync(index, made, cancellationToken)))
        {
            throw RagException.NoIndex(index);
        }

        return outcome;
    }

    /// <summary>The ids that were there, and those that were not, each in the order given.</summary>
    /// <exception cref="RagException">There is no such index.</exception>
    public async Task<(ImmutableArray<string> Deleted, ImmutableArray<string> NotFound)> DeleteAsync(
        string index, IReadOnlyList<string> ids, CancellationToken cancellationToken)
    {
        var gone = await WatchAsync("delete", () => store.RemoveAsync(index, [.. ids.Distinct()], cancellationToken))
            ?? throw RagException.NoIndex(index);
        return ([.. ids.Distinct().Where(gone.Contains)], [.. ids.Where(id => !gone.Contains(id))]);
    }

    /// <summary>Refuses an index whose vectors another embedder has made.</summary>
    /// <exception cref="RagException">Its vectors cannot be compared with the embedder's.</exception>
    public static void RequireSame(IndexDescription description, Embedder embedder)
    {
        if (description.Embedder != embedder.Name || description.Dimensions != embedder.Dimensions)
        {
            throw new RagException(
                StatusCodes.Status409Conflict,
                $"Index '{description.Name}' was made with the embedder {description.Embedder} "
                + $"({description.Dimensions} dimensions), and this service uses {embedder.Name} "
                + $"({embedder.Dimensions} dimensions). Configure the former embedder again, or delete the index and "
                + "index its documents again.");
        }
    }

    private static string HashOf(WireDocument document) => ContentHash.Document(document.Text, document.Metadata);

    private async Task<IReadOnlyDictionary<string, string>?> HashesAsync(
        string index, Embedder embedder, IReadOnlyList<WireDocument> documents, CancellationToken cancellationToken)
    {
        var all = await store.ListAsync(cancellationToken);
        if (all.FirstOrDefault(d => d.Name == index) is not { } description)
        {
            return null;
        }

        RequireSame(description, embedder);
        return await store.HashesAsync(index, [.. documents.Select(static d => d.Id).Distinct()], cancellationToken);
    }

    private async Task<List<StoredDocument>> MakeAsync(
        IEnumerable<WireDocument> documents, Embedder embedder, CancellationToken cancellationToken)
    {
        var cut = documents.Select(d => (Document: d, Chunks: Chunker.Split(d.Id, d.Text, d.Metadata, embedder.MostTokens)))
            .ToList();
        string[] texts =
            [.. cut.SelectMany(static c => c.Chunks.Select(k => PassageText.Searched(k.Text, c.Document.Metadata)))];
        var vectors = texts.Length > 0 ? await embeddings.PassagesAsync(texts, cancellationToken) : [];
        var made = new List<StoredDocument>(cut.Count);
        var next = 0;
        foreach (var (document, chunks) in cut)
        {
            made.Add(new(
                document.Id, HashOf(document), document.Metadata,
                [.. Located(document.Text, chunks, vectors.GetRange(next, chunks.Length))]));
            next += chunks.Length;
        }

        return made;
    }

    // Offsets in characters as clients count them, not in the units of this runtime.
    private static IEnumerable<StoredChunk> Located(
        string text, ImmutableArray<Chunk> chunks, List<ReadOnlyMemory<float>> vectors)
    {
        var (at, characters) = (0, 0);
        for (var i = 0; i < chunks.Length; i++)
        {
            var chunk = chunks[i];
            characters += chunk.Start >= at
                ? Characters(text.AsSpan(at, chunk.Start - at))
                : -Characters(text.AsSpan(chunk.Start, at - chunk.Start));
            at = chunk.Start;
            yield return new(
                chunk.NodeId, chunk.Text, characters, characters + Characters(chunk.Text), vectors[i]);
        }
    }

    private static int Characters(ReadOnlySpan<char> text)
    {
        var count = 0;
        foreach (var _ in text.EnumerateRunes())
        {
            count++;
        }

        return count;
    }

    private async Task<bool> PutAsync(
        IndexDescription description, List<StoredDocument> documents, CancellationToken cancellationToken)
    {
        // Somebody else may make or delete the index in between; each is rare, both in turn for ever are not expected.
        for (var attempt = 0; attempt < 3; attempt++)
        {
            if (await store.AddAsync(description.Name, documents, cancellationToken)
                || await store.TryCreateAsync(description, documents, cancellationToken))
            {
                return true;
            }
        }

        throw new StoreException($"Index '{description.Name}' is being made and deleted at the same time; try again.");
    }

    private async Task<T> WatchAsync<T>(string operation, Func<Task<T>> act)
    {
        var started = clock.GetTimestamp();
        var status = "error";
        try
        {
            var result = await act();
            status = "success";
            return result;
        }
        finally
        {
            metrics.StoreTime.Record(clock.GetElapsedTime(started).TotalSeconds, operation, status);
        }
    }
}
