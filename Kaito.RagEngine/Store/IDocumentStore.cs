using System.Collections.Immutable;

namespace Kaito.RagEngine.Store;

/// <summary>
/// Keeps indexes of documents with their chunks and vectors. What a call has returned is on disk and found by every later
/// call; a call that fails or is cancelled has changed nothing. Thread-safe.
/// </summary>
/// <remarks>Every method throws <see cref="StoreException"/> when the store fails.</remarks>
internal interface IDocumentStore : IAsyncDisposable
{
    /// <summary>Short name for people: <c>sqlite</c> or <c>qdrant</c>.</summary>
    string Kind { get; }

    /// <summary>Finds what earlier runs have left; called once, before everything else.</summary>
    Task OpenAsync(CancellationToken cancellationToken);

    /// <summary>All indexes, oldest first.</summary>
    ValueTask<ImmutableArray<IndexDescription>> ListAsync(CancellationToken cancellationToken);

    /// <summary>Makes an index with its first documents, which have different ids.</summary>
    /// <returns>False when there is one of this name already.</returns>
    Task<bool> TryCreateAsync(
        IndexDescription description, IReadOnlyList<StoredDocument> documents, CancellationToken cancellationToken);

    /// <summary>Stores documents, except those whose id is taken.</summary>
    /// <returns>False when there is no such index.</returns>
    Task<bool> AddAsync(string index, IReadOnlyList<StoredDocument> documents, CancellationToken cancellationToken);

    /// <summary>Puts documents in the place of those with the same ids; others are left out.</summary>
    /// <returns>False when there is no such index.</returns>
    Task<bool> ReplaceAsync(string index, IReadOnlyList<StoredDocument> documents, CancellationToken cancellationToken);

    /// <summary>Removes documents.</summary>
    /// <returns>The ids that were there; <see langword="null"/> when there is no such index.</returns>
    Task<IReadOnlySet<string>?> RemoveAsync(
        string index, IReadOnlyCollection<string> ids, CancellationToken cancellationToken);

    /// <summary>The hashes of documents, by id; those that are not there are left out.</summary>
    /// <returns><see langword="null"/> when there is no such index.</returns>
    Task<IReadOnlyDictionary<string, string>?> HashesAsync(
        string index, IReadOnlyCollection<string> ids, CancellationToken cancellationToken);

    /// <summary>Pages through the chunks of an index.</summary>
    /// <returns><see langword="null"/> when there is no such index.</returns>
    Task<PassagePage?> PageAsync(
        string index, MetadataFilter filter, int offset, int limit, CancellationToken cancellationToken);

    /// <summary>Searches by vector and by words.</summary>
    /// <returns><see langword="null"/> when there is no such index.</returns>
    Task<Candidates?> SearchAsync(string index, StoreQuery query, CancellationToken cancellationToken);

    /// <summary>Removes an index and everything in it.</summary>
    /// <returns>False when there is no such index.</returns>
    Task<bool> DropAsync(string index, CancellationToken cancellationToken);

    /// <summary>Writes a copy of an index into a folder, which may exist; readers and writers go on meanwhile.</summary>
    /// <returns>False when there is no such index.</returns>
    Task<bool> SaveAsync(string index, string folder, CancellationToken cancellationToken);

    /// <summary>Takes an index from a folder that <see cref="SaveAsync"/> wrote, in the place of one of the same name.</summary>
    /// <returns>False when there is none in the folder.</returns>
    Task<bool> LoadAsync(string index, string folder, CancellationToken cancellationToken);

    /// <summary>Says what keeps the store from working; <see langword="null"/> when nothing does.</summary>
    ValueTask<string?> ProbeAsync(CancellationToken cancellationToken);
}

/// <summary>The store failed; the message says what and the remedy.</summary>
internal sealed class StoreException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>True when there is no room for what was to be written.</summary>
    public bool Full { get; init; }

    /// <summary>True when the store is away for now: the same request may succeed later.</summary>
    public bool Unavailable { get; init; }
}
