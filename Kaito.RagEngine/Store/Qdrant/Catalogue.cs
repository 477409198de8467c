using System.Collections.Immutable;
using Qdrant.Client.Grpc;

namespace Kaito.RagEngine.Store.Qdrant;

/// <summary>Which indexes there are: aliases of this service, with the collections behind them. Thread-safe.</summary>
internal sealed partial class Catalogue(
    QdrantCalls calls, CollectionNames names, PointIds ids, TimeProvider clock, ILogger<Catalogue> logger)
{
    // Another machine may be making a collection; it takes no longer than this.
    private static readonly TimeSpan s_making = TimeSpan.FromHours(1);

    private readonly Lock _lock = new();
    private ImmutableDictionary<string, Collection> _byAlias = ImmutableDictionary<string, Collection>.Empty;
    private ImmutableDictionary<string, string> _unreadable = ImmutableDictionary<string, string>.Empty;

    /// <summary>What keeps indexes from being used; <see langword="null"/> when nothing does.</summary>
    public string? Problem => _unreadable.Values.FirstOrDefault();

    /// <summary>All indexes that can be read, oldest first, as the server has them now.</summary>
    public async Task<ImmutableArray<Collection>> ListAsync(CancellationToken cancellationToken)
    {
        var aliases = await calls.RunAsync((client, ended) => client.ListAliasesAsync(ended), cancellationToken);
        var known = _byAlias.Values.ToDictionary(static c => c.Name, StringComparer.Ordinal);
        var found = ImmutableDictionary.CreateBuilder<string, Collection>();
        var unreadable = ImmutableDictionary.CreateBuilder<string, string>();
        foreach (var alias in aliases)
        {
            if (names.Order(alias.CollectionName) is not { } order)
            {
                continue;
            }

            try
            {
                var collection = known.GetValueOrDefault(alias.CollectionName)
                    ?? await ReadAsync(alias.CollectionName, order, cancellationToken);
                if (collection is not null && names.Alias(collection.Description.Name) == alias.AliasName)
                {
                    found[alias.AliasName] = collection;
                }
            }
            catch (UnreadableException other)
            {
                unreadable[alias.AliasName] = other.Message;
            }
        }

        lock (_lock)
        {
            (_byAlias, _unreadable) = (found.ToImmutable(), unreadable.ToImmutable());
        }

        return [.. found.Values.OrderBy(static c => c.Order)];
    }

    /// <summary>The collection of an index; <see langword="null"/> without one.</summary>
    /// <param name="index">Its name.</param>
    /// <param name="fresh">Ask the server, rather than trust what was true a moment ago.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StoreException">There is one, which this version cannot read.</exception>
    public async Task<Collection?> FindAsync(string index, bool fresh, CancellationToken cancellationToken)
    {
        if (!fresh && _byAlias.TryGetValue(names.Alias(index), out var known))
        {
            return known;
        }

        await ListAsync(cancellationToken);
        return _unreadable.TryGetValue(names.Alias(index), out var problem)
            ? throw new StoreException(problem)
            : _byAlias.GetValueOrDefault(names.Alias(index));
    }

    /// <summary>A name for a collection that nobody has used before.</summary>
    public string NewName(string index)
    {
        var write = ids.NewWrite();
        return names.Collection(index, write.Ticks, write.Salt);
    }

    /// <summary>Makes an empty collection that no index leads to.</summary>
    public async Task MakeAsync(string name, IndexDescription description, CancellationToken cancellationToken)
    {
        var dense = new VectorParamsMap
        {
            Map = { [Members.DenseVector] = new() { Size = (ulong)description.Dimensions, Distance = Distance.Dot } },
        };
        var sparse = new SparseVectorConfig { Map = { [Members.WordsVector] = new() { Modifier = Modifier.Idf } } };
        await calls.RunAsync(
            async (client, ended) =>
            {
                try
                {
                    await client.CreateCollectionAsync(
                        name, vectorsConfig: dense, sparseVectorsConfig: sparse, onDiskPayload: true, cancellationToken: ended);
                }
                catch (Grpc.Core.RpcException made) when (made.StatusCode == Grpc.Core.StatusCode.AlreadyExists)
                {
                    // Nobody else knows the name: an earlier try had its effect.
                }
            },
            cancellationToken);
        foreach (var member in Members.Indexed)
        {
            await calls.RunAsync(
                (client, ended) => client.CreatePayloadIndexAsync(name, member, cancellationToken: ended), cancellationToken);
        }
    }

    /// <summary>Lets an index lead to a collection, instead of the one it may have led to.</summary>
    public Task PointAsync(string index, string collection, bool instead, CancellationToken cancellationToken)
    {
        var alias = names.Alias(index);
        AliasOperations create = new() { CreateAlias = new() { AliasName = alias, CollectionName = collection } };
        AliasOperations delete = new() { DeleteAlias = new() { AliasName = alias } };
        return calls.RunAsync(
            (client, ended) => client.UpdateAliasesAsync(instead ? [delete, create] : [create], cancellationToken: ended),
            cancellationToken);
    }

    /// <summary>Takes an index's alias away.</summary>
    public Task RemoveAliasAsync(string index, CancellationToken cancellationToken)
    {
        AliasOperations delete = new() { DeleteAlias = new() { AliasName = names.Alias(index) } };
        return calls.RunAsync(
            (client, ended) => client.UpdateAliasesAsync([delete], cancellationToken: ended), cancellationToken);
    }

    /// <summary>Trusts no more what was true of an index a moment ago.</summary>
    public void Forget(string index)
    {
        lock (_lock)
        {
            _byAlias = _byAlias.Remove(names.Alias(index));
        }
    }

    /// <summary>Removes a collection with everything in it; one that is gone does not matter.</summary>
    public Task DeleteAsync(string collection, CancellationToken cancellationToken) => calls.RunAsync(
        async (client, ended) =>
        {
            try
            {
                await client.DeleteCollectionAsync(collection, cancellationToken: ended);
            }
            catch (global::Qdrant.Client.QdrantException)
            {
                // Not there.
            }
        },
        cancellationToken);

    /// <summary>Removes collections that nothing leads to and that were never finished, or are dropped.</summary>
    public async Task SweepAsync(CancellationToken cancellationToken)
    {
        var collections = await calls.RunAsync((client, ended) => client.ListCollectionsAsync(ended), cancellationToken);
        var aliased = (await ListAsync(cancellationToken)).Select(static c => c.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var name in collections)
        {
            if (names.Order(name) is not { } order || aliased.Contains(name))
            {
                continue;
            }

            var point = await DescriptionAsync(name, cancellationToken);
            var unfinished = point is null || point.Read(Members.State) == Members.Made;
            if (point?.Read(Members.State) == Members.Aliased)
            {
                // Restored from a snapshot, which has no aliases? Not ours to delete.
                LogUnnamed(name, point.Read(Members.Name), names.Alias(point.Read(Members.Name)));
            }
            else if (!unfinished || clock.GetUtcNow().UtcTicks - order > s_making.Ticks)
            {
                LogDeleting(name);
                await DeleteAsync(name, cancellationToken);
            }
        }
    }

    /// <summary>Says in the collection what it is: one of the states of <see cref="Members"/>.</summary>
    public Task DescribeAsync(
        string collection, IndexDescription description, string state, CancellationToken cancellationToken) =>
        calls.RunAsync(
            (client, ended) => client.UpsertAsync(collection, [Points.OfIndex(description, state)], cancellationToken: ended),
            cancellationToken);

    private async Task<Collection?> ReadAsync(string name, long order, CancellationToken cancellationToken)
    {
        if (await DescriptionAsync(name, cancellationToken) is not { } point
            || Points.ReadIndex(point, name) is not { } description)
        {
            return null;
        }

        if (point.Read(Members.State) != Members.Aliased)
        {
            // The alias came last, or is still here.
            await DescribeAsync(name, description, Members.Aliased, cancellationToken);
        }

        return new(name, description, order);
    }

    private async Task<RetrievedPoint?> DescriptionAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            var found = await calls.RunAsync(
                (client, ended) => client.RetrieveAsync(name, [(PointId)PointIds.Index], true, false, cancellationToken: ended),
                cancellationToken);
            return found.Count > 0 ? found[0] : null;
        }
        catch (CollectionGoneException)
        {
            return null;
        }
    }

    [LoggerMessage(LogLevel.Information, "Deleting collection {Collection}, which was never finished or is dropped")]
    private partial void LogDeleting(string collection);

    [LoggerMessage(
        LogLevel.Warning,
        "Collection {Collection} holds index {Index}, but no alias leads to it: give it the alias {Alias}, or delete it")]
    private partial void LogUnnamed(string collection, string index, string alias);
}
