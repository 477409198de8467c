using System.Text.Json.Nodes;

namespace Kaito.DevCluster.Storage;

/// <summary>
/// The cluster's objects. The REST layer and the controllers both work through it, so both meet the same defaulting,
/// validation, conflict and deletion rules. Objects that go in are copied, objects that come out belong to the caller.
/// Refusals are <see cref="ApiStatusException"/>.
/// </summary>
internal interface IClusterStore
{
    /// <summary>The version of the latest change; grows by one with each.</summary>
    long ResourceVersion { get; }

    /// <summary>The object, or null when there is none.</summary>
    JsonObject? Get(ObjectKey key);

    /// <param name="resource">The resource.</param>
    /// <param name="ns">Null lists all namespaces.</param>
    /// <param name="selector">Which objects to keep.</param>
    ObjectList List(GroupResource resource, string? ns, ObjectSelector selector);

    /// <summary>A part of a list: objects after the place <c>namespace/name</c>, at most so many, and how many follow.</summary>
    (ObjectList Page, int Remaining) List(
        GroupResource resource, string? ns, ObjectSelector selector, string? after, int limit);

    /// <summary>Stores a new object under metadata.name, or under a name made from metadata.generateName.</summary>
    JsonObject Create(GroupResource resource, string? ns, JsonObject value, bool dryRun = false);

    /// <summary>
    /// Replaces all but the status. A metadata.resourceVersion that is not the stored one is a 409; none means "whatever
    /// it is now". An object being deleted disappears when its last finalizer does.
    /// </summary>
    JsonObject Update(GroupResource resource, string? ns, JsonObject value, bool dryRun = false);

    /// <summary>Replaces only the status (and, as the server does, labels and annotations stay as stored).</summary>
    JsonObject UpdateStatus(GroupResource resource, string? ns, JsonObject value, bool dryRun = false);

    /// <summary>Removes the object, or marks it when finalizers or a pod's grace period hold it.</summary>
    /// <returns>The object as it was last, and whether it is gone.</returns>
    (JsonObject Object, bool Gone) Delete(ObjectKey key, DeleteRequest request);

    /// <summary>
    /// Changes in order until cancelled. Throws a 410 <see cref="ApiStatusException"/> when the requested version, or a
    /// reader that fell behind, is older than the events that are kept: list again and watch from there.
    /// </summary>
    IAsyncEnumerable<WatchEvent> WatchAsync(WatchRequest request, CancellationToken cancellationToken);
}

internal static class ClusterStoreExtensions
{
    private const int Attempts = 8;

    extension(IClusterStore store)
    {
        public ObjectList List(GroupResource resource) => store.List(resource, null, ObjectSelector.Everything);

        /// <summary>Reads, changes and writes back the object's spec and metadata; null when it is gone.</summary>
        public JsonObject? Modify(ObjectKey key, Action<JsonObject> change) =>
            Retry(store, key, change, static (s, k, o) => s.Update(k.Resource, k.Namespace, o));

        /// <summary>Reads, changes and writes back the object's status; null when it is gone.</summary>
        public JsonObject? ModifyStatus(ObjectKey key, Action<JsonObject> change) =>
            Retry(store, key, change, static (s, k, o) => s.UpdateStatus(k.Resource, k.Namespace, o));
    }

    private static JsonObject? Retry(
        IClusterStore store,
        ObjectKey key,
        Action<JsonObject> change,
        Func<IClusterStore, ObjectKey, JsonObject, JsonObject> write)
    {
        for (var attempt = 1; ; attempt++)
        {
            var current = store.Get(key);
            if (current is null)
            {
                return null;
            }

            change(current);
            try
            {
                return write(store, key, current);
            }
            catch (ApiStatusException gone) when (gone.Status.Reason == "NotFound")
            {
                return null;
            }
            catch (ApiStatusException conflict) when (conflict.Status.Reason == "Conflict" && attempt < Attempts)
            {
                // Someone else wrote between the read and the write: look again.
            }
        }
    }
}
