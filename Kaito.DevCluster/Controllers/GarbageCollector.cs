using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Controllers;

/// <summary>
/// Deletes what lost all its owners, and carries out foreground and orphan deletion. A pass looks at every object; changes
/// that arrive during a pass share the next one.
/// </summary>
internal sealed partial class GarbageCollector(IClusterStore store, TimeProvider clock, ILogger<GarbageCollector> logger)
    : BackgroundService
{
    private static readonly TimeSpan s_retry = TimeSpan.FromMilliseconds(200);
    private readonly SemaphoreSlim _dirty = new(0, 1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        var watched = new Dictionary<GroupResource, Task>();
        try
        {
            while (true)
            {
                foreach (var type in KnownType.All(store).Where(t => !watched.ContainsKey(t.Resource)))
                {
                    watched[type.Resource] = Watching.RunAsync(store, type.Resource, Look, clock, logger, stoppingToken);
                }

                await _dirty.WaitAsync(stoppingToken);
                if (!Pass())
                {
                    await Task.Delay(s_retry, clock, stoppingToken);
                    Wake();
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }

        await Task.WhenAll(watched.Values);
    }

    public override void Dispose()
    {
        base.Dispose();
        _dirty.Dispose();
    }

    // What can make garbage: a disappearance, a deletion that waits, a new dependent, a new type.
    private void Look(WatchEvent change)
    {
        if (change.Type == WatchEventType.Deleted
            || change.Object.Deleting
            || (change.Type == WatchEventType.Added
                && (change.Object.Objects("metadata", "ownerReferences").Any()
                    || change.Object.Text("kind") == "CustomResourceDefinition")))
        {
            Wake();
        }
    }

    private void Wake()
    {
        try
        {
            _dirty.Release();
        }
        catch (Exception already) when (already is SemaphoreFullException or ObjectDisposedException)
        {
            // A pass is due anyway, or none will come any more.
        }
    }

    /// <summary>False when something changed underneath and another pass is due.</summary>
    private bool Pass()
    {
        try
        {
            var types = KnownType.All(store);
            var objects = types.SelectMany(t => t.List(store, null).Select(o => (t.Resource, Object: o))).ToArray();
            foreach (var (key, request) in Garbage.Collect(types, objects, store.Get))
            {
                store.Delete(key, request);
            }

            foreach (var (key, change) in Garbage.Release(objects))
            {
                store.Modify(key, change);
            }

            return true;
        }
        catch (ApiStatusException race) when (race.Status.Code is 404 or 409)
        {
            return false;
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            LogFailed(failure);
            return false;
        }
    }

    [LoggerMessage(LogLevel.Error, "A garbage collection pass failed and is repeated")]
    private partial void LogFailed(Exception failure);
}

/// <summary>The decisions of the garbage collector.</summary>
internal static class Garbage
{
    /// <summary>The objects to delete, with the condition that they still are the same.</summary>
    public static IEnumerable<(ObjectKey Key, DeleteRequest Request)> Collect(
        IReadOnlyList<KnownType> types,
        IReadOnlyList<(GroupResource Resource, JsonObject Object)> objects,
        Func<ObjectKey, JsonObject?> find)
    {
        foreach (var (resource, item) in objects.Where(static o => !o.Object.Deleting))
        {
            var owners = item.Objects("metadata", "ownerReferences").ToArray();
            if (owners.Length == 0)
            {
                continue;
            }

            var present = owners.Select(owner => Find(types, item, owner, find)).ToArray();
            if (present.All(static p => p is { Exists: false }))
            {
                yield return (resource.KeyOf(item), new() { Uid = item.Uid });
            }
            else if (present.All(static p => p is { Exists: false } or { Foreground: true }))
            {
                yield return (resource.KeyOf(item), new() { Uid = item.Uid, Propagation = Propagation.Foreground });
            }
        }
    }

    /// <summary>The metadata changes that let owners go: references dropped, finalizers removed.</summary>
    public static IEnumerable<(ObjectKey Key, Action<JsonObject> Change)> Release(
        IReadOnlyList<(GroupResource Resource, JsonObject Object)> objects)
    {
        foreach (var (resource, owner) in objects.Where(static o => o.Object.Deleting))
        {
            var dependents = objects.Where(o => References(o.Object, owner).Any()).ToArray();
            if (Has(owner, Deletion.OrphanFinalizer))
            {
                foreach (var dependent in dependents)
                {
                    yield return (dependent.Resource.KeyOf(dependent.Object), item => item.Child("metadata")["ownerReferences"] =
                        Fields.ListOf(item.Objects("metadata", "ownerReferences")
                            .Where(r => r.Text("uid") != owner.Uid).Select(static r => r.Copy())));
                }

                yield return (resource.KeyOf(owner), item => Drop(item, Deletion.OrphanFinalizer));
            }
            else if (Has(owner, Deletion.ForegroundFinalizer)
                && !dependents.Any(d => References(d.Object, owner).Any(static r => r.Flag("blockOwnerDeletion"))))
            {
                yield return (resource.KeyOf(owner), item => Drop(item, Deletion.ForegroundFinalizer));
            }
        }
    }

    // Null: the owner's kind is not served, so nothing is known about it.
    private static (bool Exists, bool Foreground)? Find(
        IReadOnlyList<KnownType> types, JsonObject item, JsonObject owner, Func<ObjectKey, JsonObject?> find)
    {
        var version = owner.Text("apiVersion") ?? "";
        var slash = version.IndexOf('/', StringComparison.Ordinal);
        var group = slash < 0 ? "" : version[..slash];
        var type = types.FirstOrDefault(t => t.Resource.Group == group && t.Kind == owner.Text("kind"));
        if (type.Kind is null)
        {
            return null;
        }

        var found = find(new(type.Resource, type.Namespaced ? item.Namespace : null, owner.Text("name") ?? ""));
        return found is not null && found.Uid == owner.Text("uid")
            ? (true, found.Deleting && Has(found, Deletion.ForegroundFinalizer))
            : (false, false);
    }

    private static bool Has(JsonObject item, string finalizer) => item.Strings("metadata", "finalizers").Contains(finalizer);

    private static void Drop(JsonObject item, string finalizer) => item.Child("metadata")["finalizers"] =
        Fields.List(item.Strings("metadata", "finalizers").Where(f => f != finalizer));

    private static IEnumerable<JsonObject> References(JsonObject item, JsonObject owner) =>
        item.Objects("metadata", "ownerReferences").Where(r => r.Text("uid") == owner.Uid);
}
