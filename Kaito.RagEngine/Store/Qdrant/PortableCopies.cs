using Kaito.RagEngine.Store.Embedded;
using Microsoft.Data.Sqlite;

namespace Kaito.RagEngine.Store.Qdrant;

/// <summary>Copies of indexes in the file of the embedded store: what one store saves, the other one loads.</summary>
internal sealed class PortableCopies(CollectionReader reader, RagEngineOptions options)
{
    private const int MostDocuments = 100;

    /// <exception cref="StoreException">The folder cannot be written.</exception>
    public async Task SaveAsync(Collection collection, string folder, CancellationToken cancellationToken)
    {
        var target = Path.Combine(folder, SqliteStore.CopyName);
        var draft = target + ".tmp";
        try
        {
            Directory.CreateDirectory(folder);
            SqliteIndex.Delete(draft);
            using (var index = SqliteIndex.Create(draft, collection.Description, collection.Order, [], mostBytes: null))
            {
                var documents = reader.ExportAsync(collection.Name, cancellationToken);
                await foreach (var some in documents.Chunk(MostDocuments).WithCancellation(cancellationToken))
                {
                    await index.WriteAsync(
                        (writer, _) =>
                        {
                            foreach (var document in some)
                            {
                                IndexWrites.Insert(writer, document);
                            }

                            return true;
                        },
                        cancellationToken);
                }

                // One file without its log, and whole before it has its name.
                File.Delete(target + ".new");
                index.Copy(target + ".new");
            }

            File.Move(target + ".new", target, overwrite: true);
        }
        catch (Exception failure) when (failure is SqliteException or IOException or UnauthorizedAccessException)
        {
            throw new StoreException($"{folder} cannot be written: {failure.Message}", failure);
        }
        finally
        {
            SqliteIndex.Delete(draft);
        }
    }

    /// <summary>Opens what a folder holds; <see langword="null"/> when there is none.</summary>
    /// <exception cref="StoreException">The file holds no index, or is damaged.</exception>
    public OpenCopy? Open(string folder)
    {
        var source = Path.Combine(folder, SqliteStore.CopyName);
        if (!File.Exists(source))
        {
            return null;
        }

        try
        {
            Directory.CreateDirectory(options.LiveFolder);
            var draft = Path.Combine(options.LiveFolder, "load.tmp");
            SqliteIndex.Delete(draft);
            File.Copy(source, draft);
            return new(draft, source);
        }
        catch (Exception failure) when (failure is SqliteException or IOException or UnauthorizedAccessException)
        {
            throw new StoreException($"{source} cannot be read: {failure.Message}", failure);
        }
    }
}

/// <summary>A copy of a copy, which may be written to while it is read; deleted at the end.</summary>
internal sealed class OpenCopy : IDisposable
{
    private readonly string _file;
    private readonly SqliteConnection _connection;

    public OpenCopy(string file, string source)
    {
        _file = file;
        _connection = SqliteFile.OpenWriter(file);
        try
        {
            Description = SqliteFile.Scalar(_connection, "PRAGMA quick_check(1)") is "ok"
                && SqliteFile.Describe(_connection) is { } description
                ? description
                : throw new StoreException($"{source}: the copy is damaged or holds no index; use another one.");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public IndexDescription Description { get; }

    /// <summary>In the order of insertion, read as they are asked for.</summary>
    public IEnumerable<StoredDocument> Documents()
    {
        using var select = SqliteFile.Command(_connection, "SELECT id, doc_id, hash, metadata FROM document ORDER BY id");
        using var rows = select.ExecuteReader();
        while (rows.Read())
        {
            yield return new(
                rows.GetString(1), rows.GetString(2), rows.GetString(3), [.. IndexWrites.Chunks(_connection, rows.GetInt64(0))]);
        }
    }

    public void Dispose()
    {
        _connection.Dispose();
        SqliteIndex.Delete(_file);
    }
}
