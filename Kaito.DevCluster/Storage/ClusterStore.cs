using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Schemas;

namespace Kaito.DevCluster.Storage;

/// <summary>
/// The cluster in memory: nothing survives a restart. Every committed change passes through <see cref="Commit"/>, which
/// is where a journal would be written.
/// </summary>
internal sealed class ClusterStore(ResourceCatalog catalog, IObjectRules rules, TimeProvider clock) : IClusterStore
{
    /// <summary>Changes kept for watches that resume; some minutes of a busy laptop.</summary>
    private const int RingCapacity = 8192;

    private readonly Lock _lock = new();
    private readonly Dictionary<GroupResource, SortedDictionary<string, JsonObject>> _objects = [];
    private readonly EventRing _ring = new(RingCapacity);
    private long _version;

    public long ResourceVersion
    {
        get
        {
            lock (_lock)
            {
                return _version;
            }
        }
    }

    public JsonObject? Get(ObjectKey key)
    {
        lock (_lock)
        {
            return Find(key)?.Copy();
        }
    }

    public ObjectList List(GroupResource resource, string? ns, ObjectSelector selector)
    {
        lock (_lock)
        {
            return new([.. Select(resource, ns, selector)], _version);
        }
    }

    public (ObjectList Page, int Remaining) List(
        GroupResource resource, string? ns, ObjectSelector selector, string? after, int limit)
    {
        lock (_lock)
        {
            // Only what is on the page is copied.
            var rest = Slots(resource, ns)
                .SkipWhile(slot => after is not null && string.CompareOrdinal(slot.Key, after) <= 0)
                .Where(slot => selector.Matches(slot.Value)).ToArray();
            var count = limit == 0 ? rest.Length : Math.Min(limit, rest.Length);
            return (
                new([.. rest.Take(count).Select(static slot => slot.Value.Copy())], _version), rest.Length - count);
        }
    }

    public JsonObject Create(GroupResource resource, string? ns, JsonObject value, bool dryRun = false)
    {
        lock (_lock)
        {
            var type = catalog.Get(resource);
            var created = value.Copy();
            rules.RequireShape(type, created);
            ObjectMeta.PrepareCreate(type, ns, created, clock);
            var key = new ObjectKey(resource, type.Namespaced ? ns : null, created.Name);
            if (Find(key) is not null)
            {
                throw ApiStatusException.AlreadyExists(resource, key.Name);
            }

            RequireNamespace(key);
            rules.Admit(type, created, null);
            if (!dryRun)
            {
                Commit(WatchEventType.Added, key, created, null);
            }

            return created.Copy();
        }
    }

    public JsonObject Update(GroupResource resource, string? ns, JsonObject value, bool dryRun = false)
    {
        lock (_lock)
        {
            var (type, key, stored) = Resolve(resource, ns, value);
            var next = value.Copy();
            rules.RequireShape(type, next);
            ObjectMeta.PrepareUpdate(type, next, stored);
            if (type.StorageVersion.HasStatus)
            {
                next.Replace("status", stored["status"]);
            }

            rules.Admit(type, next, stored);
            ObjectMeta.BumpGeneration(type, next, stored);
            return Write(key, next, stored, dryRun);
        }
    }

    public JsonObject UpdateStatus(GroupResource resource, string? ns, JsonObject value, bool dryRun = false)
    {
        lock (_lock)
        {
            var (type, key, stored) = Resolve(resource, ns, value);
            var next = stored.Copy();
            next.Replace("status", value["status"]);
            if (value.At("metadata", "managedFields") is { } managed)
            {
                next["metadata"]!.AsObject().Replace("managedFields", managed);
            }

            rules.RequireShape(type, next);
            rules.Admit(type, next, stored);
            return Write(key, next, stored, dryRun);
        }
    }

    public (JsonObject Object, bool Gone) Delete(ObjectKey key, DeleteRequest request)
    {
        lock (_lock)
        {
            _ = catalog.Get(key.Resource);
            var stored = Find(key) ?? throw ApiStatusException.NotFound(key.Resource, key.Name);
            Deletion.RequirePreconditions(key, stored, request);
            var marked = Deletion.Mark(key, stored, request, clock);
            var gone = Deletion.Complete(key, marked);
            if (request.DryRun)
            {
                return (marked, gone);
            }

            if (gone)
            {
                Commit(WatchEventType.Deleted, key, marked, stored);
            }
            else if (!JsonNode.DeepEquals(marked, stored))
            {
                Commit(WatchEventType.Modified, key, marked, stored);
            }

            return (marked.Copy(), gone);
        }
    }

    public async IAsyncEnumerable<WatchEvent> WatchAsync(
        WatchRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var version = request.FromResourceVersion ?? 0;
        if (version == 0)
        {
            var present = List(request.Resource, request.Namespace, request.Selector);
            version = present.ResourceVersion;
            foreach (var item in present.Items)
            {
                yield return new(WatchEventType.Added, item, ObjectMeta.Version(item));
            }

            if (request.BookmarkInitialEvents)
            {
                yield return new(WatchEventType.Bookmark, [], version);
            }
        }

        var batch = new List<StoredEvent>();
        while (!cancellationToken.IsCancellationRequested)
        {
            if (!_ring.TryRead(version, batch, out var grown))
            {
                throw ApiStatusException.Expired(version, _ring.Forgotten);
            }

            foreach (var stored in batch)
            {
                version = stored.ResourceVersion;
                if (WatchFilter.Seen(request, stored) is { } seen)
                {
                    yield return seen;
                }
            }

            if (await IdleAsync(grown, request.BookmarkEvery, cancellationToken))
            {
                yield return new(WatchEventType.Bookmark, [], version);
            }
        }
    }

    /// <summary>Waits for more; true when the time for a bookmark came first.</summary>
    private async Task<bool> IdleAsync(Task grown, TimeSpan? bookmarkEvery, CancellationToken cancellationToken)
    {
        try
        {
            await grown.WaitAsync(bookmarkEvery ?? Timeout.InfiniteTimeSpan, clock, cancellationToken);
            return false;
        }
        catch (TimeoutException)
        {
            return true;
        }
    }

    private JsonObject Write(ObjectKey key, JsonObject next, JsonObject stored, bool dryRun)
    {
        if (JsonNode.DeepEquals(next, stored))
        {
            return stored.Copy();
        }

        var gone = Deletion.Complete(key, next);
        if (!dryRun)
        {
            Commit(gone ? WatchEventType.Deleted : WatchEventType.Modified, key, next, stored);
        }

        return next.Copy();
    }

    private void Commit(WatchEventType change, ObjectKey key, JsonObject value, JsonObject? previous)
    {
        _version++;
        ObjectMeta.SetVersion(value, _version);
        if (change == WatchEventType.Deleted)
        {
            _objects[key.Resource].Remove(Slot(key));
        }
        else
        {
            if (!_objects.TryGetValue(key.Resource, out var slots))
            {
                _objects[key.Resource] = slots = new(StringComparer.Ordinal);
            }

            slots[Slot(key)] = value;
        }

        CustomTypes.Observe(catalog, change, key, value);
        _ring.Append(new(_version, change, key, value, previous));
    }

    private (ResourceType Type, ObjectKey Key, JsonObject Stored) Resolve(
        GroupResource resource, string? ns, JsonObject value)
    {
        var type = catalog.Get(resource);
        var key = new ObjectKey(resource, type.Namespaced ? ns : null, value.Name);
        var stored = Find(key) ?? throw ApiStatusException.NotFound(resource, key.Name);
        ObjectMeta.RequireSame(key, value, stored);
        return (type, key, stored);
    }

    private void RequireNamespace(ObjectKey key)
    {
        if (key.Namespace is null)
        {
            return;
        }

        var home = Find(new(new("", "namespaces"), null, key.Namespace))
            ?? throw ApiStatusException.NotFound(new("", "namespaces"), key.Namespace);
        if (home.Deleting && key.Resource != new GroupResource("", "events"))
        {
            throw ApiStatusException.Forbidden(
                key.Resource,
                key.Name,
                $"unable to create new content in namespace {key.Namespace} because it is being terminated");
        }
    }

    private IEnumerable<JsonObject> Select(GroupResource resource, string? ns, ObjectSelector selector) =>
        Slots(resource, ns).Where(slot => selector.Matches(slot.Value)).Select(static slot => slot.Value.Copy());

    private IEnumerable<KeyValuePair<string, JsonObject>> Slots(GroupResource resource, string? ns)
    {
        if (!_objects.TryGetValue(resource, out var slots))
        {
            return [];
        }

        var prefix = ns is null ? null : ns + "/";
        return slots.Where(slot => prefix is null || slot.Key.StartsWith(prefix, StringComparison.Ordinal));
    }

    private JsonObject? Find(ObjectKey key) =>
        _objects.TryGetValue(key.Resource, out var slots) ? slots.GetValueOrDefault(Slot(key)) : null;

    private static string Slot(ObjectKey key) => $"{key.Namespace}/{key.Name}";
}
