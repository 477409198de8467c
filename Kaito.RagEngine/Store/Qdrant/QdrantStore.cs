using System.Collections.Immutable;

namespace Kaito.RagEngine.Store.Qdrant;

/// <summary>
/// Indexes on a Qdrant server, which several machines may share. A change is one entry of the server's log and seen whole or
/// not at all (<see cref="CollectionWriter"/>); what is acknowledged survives the end of the server's process.
/// </summary>
internal sealed partial class QdrantStore : IDocumentStore
{
    private static readonly System.Version s_oldest = new(1, 13);
    private static readonly TimeSpan s_probe = TimeSpan.FromSeconds(3);

    private readonly SemaphoreSlim _naming = new(1);
    private readonly SemaphoreSlim _checking = new(1);
    private readonly QdrantCalls _calls;
    private readonly Catalogue _catalogue;
    private readonly Leftovers _leftovers;
    private readonly CollectionWriter _writer;
    private readonly CollectionReader _reader;
    private readonly PortableCopies _copies;
    private readonly ILogger _logger;
    private volatile bool _checked;

    public QdrantStore(RagEngineOptions options, TimeProvider clock, ILoggerFactory loggers)
    {
        var ids = new PointIds(clock);
        _logger = loggers.CreateLogger<QdrantStore>();
        _calls = new(options, clock, loggers.CreateLogger<QdrantCalls>());
        _catalogue = new(_calls, new(options.StorePrefix), ids, clock, loggers.CreateLogger<Catalogue>());
        _leftovers = new(_calls, clock, loggers.CreateLogger<Leftovers>());
        _writer = new(_calls, _leftovers, ids, clock);
        _reader = new(_calls);
        _copies = new(_reader, options);
        if (options.StoreKey is not null && options.StoreUrl is { Scheme: "http", IsLoopback: false })
        {
            LogBareKey(options.StoreUrl);
        }
    }

    public string Kind => "qdrant";

    /// <summary>A server that cannot be reached yet is waited for: until then requests fail, and the probe says so.</summary>
    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        try
        {
            await CheckAsync(cancellationToken);
        }
        catch (StoreException away) when (away.Unavailable)
        {
            LogAway(away.Message);
        }
    }

    public async ValueTask<ImmutableArray<IndexDescription>> ListAsync(CancellationToken cancellationToken)
    {
        await CheckAsync(cancellationToken);
        return [.. (await _catalogue.ListAsync(cancellationToken)).Select(static c => c.Description)];
    }

    public Task<bool> TryCreateAsync(
        IndexDescription description, IReadOnlyList<StoredDocument> documents, CancellationToken cancellationToken) =>
        NamingAsync(
            async () =>
            {
                if (await _catalogue.FindAsync(description.Name, fresh: true, cancellationToken) is not null)
                {
                    return false;
                }

                var made = await MakeAsync(description, documents, old: null, cancellationToken);
                var named = await _catalogue.FindAsync(description.Name, fresh: true, CancellationToken.None);
                if (named?.Name == made)
                {
                    return true;
                }

                // Another machine was faster, by less than a call takes.
                await CleanAsync(made, () => _catalogue.DeleteAsync(made, CancellationToken.None));
                return false;
            },
            cancellationToken);

    public Task<bool> AddAsync(
        string index, IReadOnlyList<StoredDocument> documents, CancellationToken cancellationToken) =>
        ChangeAsync(index, collection => _writer.AddAsync(collection, documents, cancellationToken), cancellationToken);

    public Task<bool> ReplaceAsync(
        string index, IReadOnlyList<StoredDocument> documents, CancellationToken cancellationToken) =>
        ChangeAsync(index, collection => _writer.ReplaceAsync(collection, documents, cancellationToken), cancellationToken);

    public async Task<IReadOnlySet<string>?> RemoveAsync(
        string index, IReadOnlyCollection<string> ids, CancellationToken cancellationToken)
    {
        IReadOnlySet<string>? gone = null;
        await ChangeAsync(
            index, async collection => gone = await _writer.RemoveAsync(collection, ids, cancellationToken), cancellationToken);
        return gone;
    }

    public Task<IReadOnlyDictionary<string, string>?> HashesAsync(
        string index, IReadOnlyCollection<string> ids, CancellationToken cancellationToken) =>
        ReadAsync(index, collection => _reader.HashesAsync(collection.Name, ids, cancellationToken), cancellationToken);

    public Task<PassagePage?> PageAsync(
        string index, MetadataFilter filter, int offset, int limit, CancellationToken cancellationToken) =>
        ReadAsync(
            index, collection => _reader.PageAsync(collection, filter, offset, limit, cancellationToken), cancellationToken);

    public Task<Candidates?> SearchAsync(string index, StoreQuery query, CancellationToken cancellationToken) =>
        ReadAsync(index, collection => _reader.SearchAsync(collection, query, cancellationToken), cancellationToken);

    public Task<bool> DropAsync(string index, CancellationToken cancellationToken) => NamingAsync(
        async () =>
        {
            if (await _catalogue.FindAsync(index, fresh: true, cancellationToken) is not { } collection)
            {
                return false;
            }

            await collection.Writing.WaitAsync(cancellationToken);
            try
            {
                // With the first call the index is gone; what the others leave undone, the next start does.
                _catalogue.Forget(index);
                await _catalogue.DescribeAsync(
                    collection.Name, collection.Description, Members.Dropped, CancellationToken.None);
                await CleanAsync(collection.Name, async () =>
                {
                    await _catalogue.RemoveAliasAsync(index, CancellationToken.None);
                    await _catalogue.DeleteAsync(collection.Name, CancellationToken.None);
                });
                return true;
            }
            finally
            {
                collection.Writing.Release();
            }
        },
        cancellationToken);

    /// <summary>Writes the file that the embedded store writes; writers of this process wait meanwhile.</summary>
    public async Task<bool> SaveAsync(string index, string folder, CancellationToken cancellationToken)
    {
        await CheckAsync(cancellationToken);
        if (await _catalogue.FindAsync(index, fresh: true, cancellationToken) is not { } collection)
        {
            return false;
        }

        await collection.Writing.WaitAsync(cancellationToken);
        try
        {
            await _copies.SaveAsync(collection, folder, cancellationToken);
            return true;
        }
        catch (CollectionGoneException)
        {
            return false;
        }
        finally
        {
            collection.Writing.Release();
        }
    }

    /// <summary>Takes an index from a file that this store or the embedded one has written.</summary>
    public Task<bool> LoadAsync(string index, string folder, CancellationToken cancellationToken) => NamingAsync(
        async () =>
        {
            using var copy = _copies.Open(folder);
            if (copy is null)
            {
                return false;
            }

            var old = await _catalogue.FindAsync(index, fresh: true, cancellationToken);
            await MakeAsync(copy.Description with { Name = index }, copy.Documents(), old, cancellationToken);
            if (old is not null)
            {
                _catalogue.Forget(index);
                await CleanAsync(old.Name, () => _catalogue.DeleteAsync(old.Name, CancellationToken.None));
            }

            return true;
        },
        cancellationToken);

    public async ValueTask<string?> ProbeAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(s_probe);
        try
        {
            await _calls.OnceAsync((client, ended) => client.ListAliasesAsync(ended), limit.Token);
            return _catalogue.Problem;
        }
        catch (StoreException failure)
        {
            return failure.Message;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return $"Qdrant at {_calls.Address} says nothing for {s_probe.TotalSeconds} seconds.";
        }
    }

    public ValueTask DisposeAsync()
    {
        _calls.Dispose();
        _naming.Dispose();
        _checking.Dispose();
        return ValueTask.CompletedTask;
    }

    // Whole, with an alias that leads to it; or nothing.
    private async Task<string> MakeAsync(
        IndexDescription description,
        IEnumerable<StoredDocument> documents,
        Collection? old,
        CancellationToken cancellationToken)
    {
        var made = _catalogue.NewName(description.Name);
        try
        {
            await _catalogue.MakeAsync(made, description, cancellationToken);
            await _writer.FillAsync(made, documents, cancellationToken);
            await _catalogue.DescribeAsync(made, description, Members.Made, cancellationToken);
            if (old is not null)
            {
                await _catalogue.DescribeAsync(old.Name, old.Description, Members.Replaced, cancellationToken);
            }
        }
        catch
        {
            await CleanAsync(made, () => _catalogue.DeleteAsync(made, CancellationToken.None));
            throw;
        }

        // If this fails nobody knows whether it had its effect, so nothing may be deleted.
        await _catalogue.PointAsync(description.Name, made, instead: old is not null, CancellationToken.None);
        return made;
    }

    // What has its effect is answered as such, whether or not the rubbish could be taken away.
    private async Task CleanAsync(string collection, Func<Task> clean)
    {
        try
        {
            await clean();
        }
        catch (Exception failure) when (failure is StoreException or CollectionGoneException)
        {
            LogLeft(failure, collection);
        }
    }

    private async Task<bool> ChangeAsync(string index, Func<Collection, Task> change, CancellationToken cancellationToken) =>
        await ReadAsync(
            index,
            async collection =>
            {
                await collection.Writing.WaitAsync(cancellationToken);
                try
                {
                    await change(collection);
                    return collection;
                }
                finally
                {
                    collection.Writing.Release();
                }
            },
            cancellationToken) is not null;

    // What was true a moment ago is tried first; a collection that is gone has a successor, or the index is gone too.
    private async Task<T?> ReadAsync<T>(string index, Func<Collection, Task<T>> read, CancellationToken cancellationToken)
        where T : class
    {
        await CheckAsync(cancellationToken);
        for (var attempt = 0; attempt < 3; attempt++)
        {
            if (await _catalogue.FindAsync(index, fresh: attempt > 0, cancellationToken) is not { } collection)
            {
                return null;
            }

            try
            {
                return await read(collection);
            }
            catch (CollectionGoneException)
            {
                // Dropped or replaced meanwhile.
            }
        }

        throw new StoreException($"Index '{index}' is replaced again and again; try again.");
    }

    private async Task<bool> NamingAsync(Func<Task<bool>> act, CancellationToken cancellationToken)
    {
        await CheckAsync(cancellationToken);
        await _naming.WaitAsync(cancellationToken);
        try
        {
            return await act();
        }
        catch (CollectionGoneException gone)
        {
            throw new StoreException($"The index was deleted meanwhile: {gone.Message}", gone);
        }
        finally
        {
            _naming.Release();
        }
    }

    // Once, as soon as the server is there.
    private async Task CheckAsync(CancellationToken cancellationToken)
    {
        if (_checked)
        {
            return;
        }

        await _checking.WaitAsync(cancellationToken);
        try
        {
            if (!_checked)
            {
                var health = await _calls.RunAsync((client, ended) => client.HealthAsync(ended), cancellationToken);
                RequireNew(health.Version);
                await _catalogue.SweepAsync(cancellationToken);
                foreach (var collection in await _catalogue.ListAsync(cancellationToken))
                {
                    await _leftovers.SweepAsync(collection, cancellationToken);
                }

                _checked = true;
                LogOpen(_calls.Address, health.Version);
            }
        }
        finally
        {
            _checking.Release();
        }
    }

    private void RequireNew(string version)
    {
        if (System.Version.TryParse(version.TrimStart('v').Split('-')[0], out var parsed) && parsed < s_oldest)
        {
            throw new StoreException(
                $"Qdrant at {_calls.Address} is version {version}; {s_oldest} is the oldest that this service can use.");
        }
    }

    [LoggerMessage(LogLevel.Information, "Using Qdrant {Version} at {Address}")]
    private partial void LogOpen(Uri address, string version);

    [LoggerMessage(LogLevel.Warning, "Starting without the store: {Problem}")]
    private partial void LogAway(string problem);

    [LoggerMessage(LogLevel.Warning, "The key for {Address} travels in the clear; use https")]
    private partial void LogBareKey(Uri address);

    [LoggerMessage(LogLevel.Warning, "Collection {Collection} is of no use and still on the server; a later start deletes it")]
    private partial void LogLeft(Exception failure, string collection);
}
