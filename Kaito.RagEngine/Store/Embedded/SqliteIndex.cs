using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Data.Sqlite;

namespace Kaito.RagEngine.Store.Embedded;

/// <summary>
/// One index in one file, with its vectors in memory. One writer at a time; readers see the last commit. Thread-safe.
/// </summary>
internal sealed class SqliteIndex : IDisposable
{
    private const int MostIdleReaders = 8;

    // Counts of words serve to choose among them: a few percent do not matter.
    private const int RecountShare = 20;

    private readonly SqliteConnection _writer;
    [SuppressMessage("Usage", "CA2213", Justification = "Has no handle, and writers may still wait for it.")]
    private readonly SemaphoreSlim _writing = new(1);

    private readonly ConcurrentBag<SqliteConnection> _readers = [];
    private readonly VectorTable _vectors;
    private readonly WordChoice _words = new();
    private long _counted;
    private volatile bool _closed;

    private SqliteIndex(string path, SqliteConnection writer, IndexDescription description)
    {
        (Path, _writer, Description) = (path, writer, description);
        _vectors = new(description.Dimensions);
        SqliteFile.EachVector(writer, _vectors.Load);
    }

    public string Path { get; }

    public IndexDescription Description { get; }

    /// <summary>Makes the file with its first documents, or nothing.</summary>
    public static SqliteIndex Create(
        string path, IndexDescription description, long order, IReadOnlyList<StoredDocument> documents, long? mostBytes)
    {
        var writer = SqliteFile.OpenWriter(path, mostBytes);
        try
        {
            SqliteFile.Transact(writer, () =>
            {
                SqliteFile.MakeTables(writer);
                SqliteFile.SetFact(writer, "name", description.Name);
                SqliteFile.SetFact(writer, "embedder", description.Embedder);
                SqliteFile.SetFact(writer, "dimensions", FormattableString.Invariant($"{description.Dimensions}"));
                SqliteFile.SetFact(writer, "order", FormattableString.Invariant($"{order:D19}"));
                foreach (var document in documents)
                {
                    IndexWrites.Insert(writer, document);
                }

                return true;
            });

            return new(path, writer, description);
        }
        catch
        {
            writer.Dispose();
            throw;
        }
    }

    /// <summary>Opens a file; <see langword="null"/> when it holds no index.</summary>
    /// <exception cref="StoreException">The file is of another format.</exception>
    public static SqliteIndex? Open(string path, long? mostBytes)
    {
        var writer = SqliteFile.OpenWriter(path, mostBytes);
        try
        {
            if (SqliteFile.Describe(writer) is { } description)
            {
                SqliteFile.RefreshWords(writer);
                return new(path, writer, description);
            }
        }
        catch
        {
            writer.Dispose();
            throw;
        }

        writer.Dispose();
        return null;
    }

    /// <summary>Where the index stands among others.</summary>
    public string Order() => Read(static reader => SqliteFile.Fact(reader, "order") ?? "");

    /// <summary>Runs a change in one transaction; searches see it when it is on disk.</summary>
    /// <param name="change">Makes the change and says which chunks came and went.</param>
    /// <param name="cancellationToken">Ends the wait for other writers; a change that has begun is finished.</param>
    public async Task<T> WriteAsync<T>(Func<SqliteConnection, Changes, T> change, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken);
        try
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            var changes = new Changes();
            var result = SqliteFile.Transact(_writer, () => change(_writer, changes));
            _vectors.Change(changes.Added, changes.Removed);
            _counted += changes.Added.Count + changes.Removed.Count;
            if (_counted > _vectors.Count / RecountShare)
            {
                _words.Clear();
                _counted = 0;
            }

            return result;
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Reads from one state of the index.</summary>
    public T Read<T>(Func<SqliteConnection, T> read)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        if (!_readers.TryTake(out var reader))
        {
            reader = SqliteFile.OpenReader(Path);
        }

        try
        {
            return SqliteFile.Transact(reader, () => read(reader));
        }
        finally
        {
            if (_closed || _readers.Count >= MostIdleReaders)
            {
                reader.Dispose();
            }
            else
            {
                _readers.Add(reader);
            }
        }
    }

    public Candidates Search(StoreQuery query, CancellationToken cancellationToken) =>
        Read(reader => IndexSearch.Run(reader, _vectors, _words, query, cancellationToken));

    /// <summary>Marks the index as gone, then deletes its file.</summary>
    public async Task DropAsync(CancellationToken cancellationToken)
    {
        try
        {
            await WriteAsync(
                static (writer, _) =>
                {
                    SqliteFile.SetFact(writer, "dropped", "true");
                    return true;
                },
                cancellationToken);
        }
        catch (SqliteException full) when (full.SqliteErrorCode == SqliteFile.FullCode)
        {
            // No room for the mark, and room is what the deletion makes.
        }

        Dispose();
        Delete(Path);
    }

    /// <summary>Writes one file that holds the index as it is now.</summary>
    public void Copy(string file)
    {
        try
        {
            using (var reader = SqliteFile.OpenReader(Path))
            {
                // The copy is a write, though not to what is read.
                SqliteFile.Execute(reader, "PRAGMA query_only = OFF");
                SqliteFile.Execute(reader, "VACUUM INTO $file", ("$file", file));
            }

            using var written = File.OpenHandle(file, FileMode.Open, FileAccess.ReadWrite);
            RandomAccess.FlushToDisk(written);
        }
        catch
        {
            File.Delete(file);
            throw;
        }
    }

    public void Dispose()
    {
        if (_closed)
        {
            return;
        }

        _closed = true;
        while (_readers.TryTake(out var reader))
        {
            reader.Dispose();
        }

        _writer.Dispose();
        _vectors.Dispose();
    }

    /// <summary>Removes a file with what SQLite puts beside it; the file itself first, as the others mean nothing alone.</summary>
    public static void Delete(string path)
    {
        File.Delete(path);
        File.Delete(path + "-wal");
        File.Delete(path + "-shm");
    }
}

/// <summary>Chunks that came and went in one transaction.</summary>
internal sealed class Changes
{
    public List<(long Id, ReadOnlyMemory<float> Vector)> Added { get; } = [];

    public List<long> Removed { get; } = [];
}
