using System.Collections.Immutable;
using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Kaito.RagEngine.Store.Embedded;

/// <summary>A folder with one SQLite file per index.</summary>
internal sealed partial class SqliteStore(RagEngineOptions options, TimeProvider clock, ILogger<SqliteStore> logger)
    : IDocumentStore
{
    /// <summary>What <see cref="SaveAsync"/> writes.</summary>
    public const string CopyName = "index.db";

    // Of the system: no space left on the device.
    private const int NoSpace = 28;

    private readonly SemaphoreSlim _naming = new(1);
    private readonly Lock _lock = new();
    private readonly Dictionary<string, SqliteIndex> _indexes = new(StringComparer.Ordinal);
    private readonly List<string> _damaged = [];
    private ImmutableArray<SqliteIndex> _ordered = [];
    private FileStream? _owned;
    private long _order;

    public string Kind => "sqlite";

    public Task OpenAsync(CancellationToken cancellationToken) => GuardAsync(() =>
    {
        Directory.CreateDirectory(options.LiveFolder);
        _owned = Own();
        foreach (var left in Directory.EnumerateFiles(options.LiveFolder, "*.tmp*"))
        {
            File.Delete(left);
        }

        foreach (var file in Directory.EnumerateFiles(options.LiveFolder, "*.db").Order(StringComparer.Ordinal))
        {
            cancellationToken.ThrowIfCancellationRequested();
            OpenFile(file);
        }

        return Task.FromResult(true);
    });

    public ValueTask<ImmutableArray<IndexDescription>> ListAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            return ValueTask.FromResult<ImmutableArray<IndexDescription>>(
                [.. _ordered.Select(static index => index.Description)]);
        }
    }

    public Task<bool> TryCreateAsync(
        IndexDescription description, IReadOnlyList<StoredDocument> documents, CancellationToken cancellationToken) =>
        NamingAsync(
            () =>
            {
                if (Find(description.Name) is not null)
                {
                    return Task.FromResult(false);
                }

                var order = NextOrder();
                var path = PathOf(order);
                try
                {
                    Add(SqliteIndex.Create(path, description, order, documents, options.MostIndexBytes));
                }
                catch
                {
                    SqliteIndex.Delete(path);
                    throw;
                }

                return Task.FromResult(true);
            },
            cancellationToken);

    public Task<bool> AddAsync(
        string index, IReadOnlyList<StoredDocument> documents, CancellationToken cancellationToken) =>
        WriteAsync(
            index,
            (writer, changes) =>
            {
                foreach (var document in documents)
                {
                    if (!IndexWrites.Exists(writer, document.Id))
                    {
                        changes.Added.AddRange(IndexWrites.Insert(writer, document));
                    }
                }
            },
            cancellationToken);

    public Task<bool> ReplaceAsync(
        string index, IReadOnlyList<StoredDocument> documents, CancellationToken cancellationToken) =>
        WriteAsync(
            index,
            (writer, changes) =>
            {
                foreach (var document in documents)
                {
                    if (IndexWrites.Remove(writer, document.Id) is { } removed)
                    {
                        changes.Removed.AddRange(removed);
                        changes.Added.AddRange(IndexWrites.Insert(writer, document));
                    }
                }
            },
            cancellationToken);

    public async Task<IReadOnlySet<string>?> RemoveAsync(
        string index, IReadOnlyCollection<string> ids, CancellationToken cancellationToken)
    {
        var gone = new HashSet<string>(StringComparer.Ordinal);
        var known = await WriteAsync(
            index,
            (writer, changes) =>
            {
                foreach (var id in ids)
                {
                    if (IndexWrites.Remove(writer, id) is { } removed)
                    {
                        changes.Removed.AddRange(removed);
                        gone.Add(id);
                    }
                }
            },
            cancellationToken);
        return known ? gone : null;
    }

    public Task<IReadOnlyDictionary<string, string>?> HashesAsync(
        string index, IReadOnlyCollection<string> ids, CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyDictionary<string, string>>(
            index, found => found.Read(reader => IndexSearch.Hashes(reader, ids)));

    public Task<PassagePage?> PageAsync(
        string index, MetadataFilter filter, int offset, int limit, CancellationToken cancellationToken) =>
        ReadAsync(index, found => found.Read(reader => IndexSearch.Page(reader, filter, offset, limit)));

    public Task<Candidates?> SearchAsync(string index, StoreQuery query, CancellationToken cancellationToken) =>
        ReadAsync(index, found => found.Search(query, cancellationToken));

    public Task<bool> DropAsync(string index, CancellationToken cancellationToken) => NamingAsync(
        async () =>
        {
            if (Find(index) is not { } found)
            {
                return false;
            }

            await found.DropAsync(cancellationToken);
            Forget(found);
            return true;
        },
        cancellationToken);

    public Task<bool> SaveAsync(string index, string folder, CancellationToken cancellationToken) => GuardAsync(() =>
    {
        if (Find(index) is not { } found)
        {
            return Task.FromResult(false);
        }

        Directory.CreateDirectory(folder);
        var target = Path.Combine(folder, CopyName);
        var draft = target + ".tmp";
        File.Delete(draft);
        found.Copy(draft);
        File.Move(draft, target, overwrite: true);
        return Task.FromResult(true);
    });

    public Task<bool> LoadAsync(string index, string folder, CancellationToken cancellationToken) => NamingAsync(
        async () =>
        {
            var source = Path.Combine(folder, CopyName);
            if (!File.Exists(source))
            {
                return false;
            }

            var order = NextOrder();
            var draft = PathOf(order) + ".tmp";
            try
            {
                File.Copy(source, draft, overwrite: true);
                Rename(draft, index, order);
                File.Move(draft, PathOf(order));
            }
            catch
            {
                SqliteIndex.Delete(draft);
                throw;
            }

            var loaded = SqliteIndex.Open(PathOf(order), options.MostIndexBytes)
                ?? throw new StoreException($"{source}: no index is in it; name a folder that /persist has written.");
            var old = Find(index);
            Add(loaded);
            if (old is not null)
            {
                // The new one has the name already: from here on the old one must go, whatever becomes of the caller.
                await old.DropAsync(CancellationToken.None);
            }

            return true;
        },
        cancellationToken);

    public ValueTask<string?> ProbeAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            return ValueTask.FromResult(_owned is null
                ? "The store is not open."
                : _damaged.Count > 0
                    ? $"Damaged files: {string.Join(", ", _damaged)}. Restore them or delete them."
                    : null);
        }
    }

    public ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            foreach (var index in _ordered)
            {
                index.Dispose();
            }

            _ordered = [];
            _indexes.Clear();
        }

        _owned?.Dispose();
        _naming.Dispose();
        return ValueTask.CompletedTask;
    }

    private FileStream Own()
    {
        try
        {
            return new(
                Path.Combine(options.LiveFolder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException busy)
        {
            throw new StoreException(
                $"{options.LiveFolder} is in use by another process; stop it, or set RAG_DATA_DIR to another folder.", busy);
        }
    }

    private void OpenFile(string file)
    {
        try
        {
            if (SqliteIndex.Open(file, options.MostIndexBytes) is not { } index)
            {
                // Dropped, or not finished when the process ended.
                SqliteIndex.Delete(file);
                return;
            }

            var order = long.Parse(index.Order(), CultureInfo.InvariantCulture);
            _order = Math.Max(_order, order);
            if (Find(index.Description.Name) is { } older)
            {
                // Loaded over it, and ended before it was deleted.
                older.Dispose();
                SqliteIndex.Delete(older.Path);
            }

            Add(index);
        }
        catch (Exception damaged) when (damaged is SqliteException or StoreException or FormatException)
        {
            LogDamaged(damaged, file);
            lock (_lock)
            {
                _damaged.Add(Path.GetFileName(file));
            }
        }
    }

    private static void Rename(string file, string index, long order)
    {
        using var writer = SqliteFile.OpenWriter(file);
        if (SqliteFile.Scalar(writer, "PRAGMA quick_check(1)") is not "ok" || SqliteFile.Describe(writer) is null)
        {
            throw new StoreException($"{file}: the copy is damaged or holds no index; use another one.");
        }

        SqliteFile.Transact(writer, () =>
        {
            SqliteFile.SetFact(writer, "name", index);
            SqliteFile.SetFact(writer, "order", order.ToString("D19", CultureInfo.InvariantCulture));
            return true;
        });
    }

    private SqliteIndex? Find(string name)
    {
        lock (_lock)
        {
            return _indexes.GetValueOrDefault(name);
        }
    }

    private void Add(SqliteIndex index)
    {
        lock (_lock)
        {
            _indexes.Remove(index.Description.Name, out var old);
            _indexes.Add(index.Description.Name, index);
            _ordered = [.. _ordered.Where(o => o != old), index];
        }
    }

    private void Forget(SqliteIndex index)
    {
        lock (_lock)
        {
            _indexes.Remove(index.Description.Name);
            _ordered = _ordered.Remove(index);
        }
    }

    private long NextOrder() => _order = Math.Max(_order + 1, clock.GetUtcNow().Ticks);

    private string PathOf(long order) => Path.Combine(options.LiveFolder, $"{order:D19}.db");

    private Task<bool> WriteAsync(
        string index, Action<SqliteConnection, Changes> change, CancellationToken cancellationToken) =>
        GuardAsync(async () => Find(index) is { } found && await found.WriteAsync(
            (writer, changes) =>
            {
                change(writer, changes);
                return true;
            },
            cancellationToken));

    private Task<T?> ReadAsync<T>(string index, Func<SqliteIndex, T> read)
        where T : class =>
        GuardAsync(() => Task.FromResult(Find(index) is { } found ? read(found) : null));

    private async Task<bool> NamingAsync(Func<Task<bool>> act, CancellationToken cancellationToken)
    {
        await _naming.WaitAsync(cancellationToken);
        try
        {
            return await GuardAsync(act);
        }
        finally
        {
            _naming.Release();
        }
    }

    private static async Task<T> GuardAsync<T>(Func<Task<T>> act)
    {
        try
        {
            return await act();
        }
        catch (Exception full) when (full is SqliteException { SqliteErrorCode: SqliteFile.FullCode }
            or IOException { HResult: NoSpace })
        {
            throw new StoreException(
                "The disk is full, or the index has as many bytes as RAG_MAX_INDEX_BYTES allows; nothing was changed. "
                + "Make room and send it again.",
                full)
            {
                Full = true,
            };
        }
        catch (ObjectDisposedException)
        {
            // Deleted meanwhile: as if it had not been found.
            return default!;
        }
        catch (Exception failure) when (failure is SqliteException or IOException or UnauthorizedAccessException)
        {
            throw new StoreException($"{failure.Message} Nothing was changed.", failure);
        }
    }

    [LoggerMessage(LogLevel.Error, "Index file {File} cannot be opened; it is left alone and its index is missing")]
    private partial void LogDamaged(Exception failure, string file);
}
