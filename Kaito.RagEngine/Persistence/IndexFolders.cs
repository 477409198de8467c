using Kaito.RagEngine.Http;
using Kaito.RagEngine.Indexing;
using Kaito.RagEngine.Store;

namespace Kaito.RagEngine.Persistence;

/// <summary>Saves indexes to folders, and loads them from ours or from those that upstream's service has written.</summary>
internal sealed class IndexFolders(IDocumentStore store, Indexer indexer, RagEngineOptions options)
{
    /// <exception cref="RagException">There is no such index, or the folder is the store's own.</exception>
    /// <exception cref="StoreException">The folder cannot be written.</exception>
    public async Task SaveAsync(string index, string folder, CancellationToken cancellationToken)
    {
        RequireForeign(folder);
        if (!await store.SaveAsync(index, folder, cancellationToken))
        {
            throw RagException.NoIndex(index);
        }
    }

    /// <exception cref="RagException">The folder is missing, or the index exists and may not be replaced.</exception>
    /// <exception cref="StoreException">The folder holds no index that can be read.</exception>
    public async Task LoadAsync(string index, string folder, bool overwrite, CancellationToken cancellationToken)
    {
        if (!Directory.Exists(folder))
        {
            throw new RagException(StatusCodes.Status404NotFound, $"Path does not exist: {folder}");
        }

        RequireForeign(folder);
        var all = await store.ListAsync(cancellationToken);
        if (!overwrite && all.Any(description => description.Name == index))
        {
            throw new RagException(
                StatusCodes.Status409Conflict,
                $"Index '{index}' already exists. Use a different name or delete the existing index first.");
        }

        if (await store.LoadAsync(index, folder, cancellationToken))
        {
            return;
        }

        var documents = UpstreamFolder.Read(folder)
            ?? throw new StoreException($"{folder} holds no index: neither index.db nor docstore.json is there.");

        // What is replaced goes when its successor is ready, not before.
        var prepared = await indexer.PrepareAsync(documents, cancellationToken);
        await store.DropAsync(index, cancellationToken);
        await indexer.StoreAsync(index, prepared, cancellationToken);
    }

    private void RequireForeign(string folder)
    {
        var live = Path.TrimEndingDirectorySeparator(options.LiveFolder);
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (full == live || full.StartsWith(live + Path.DirectorySeparatorChar, StringComparison.Ordinal))
        {
            throw RagException.Invalid($"{folder} holds the store's own files; name another folder.");
        }
    }
}
