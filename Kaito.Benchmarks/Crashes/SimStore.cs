using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Nodes;
using Kaito.DevCluster.Schemas;
using Kaito.DevCluster.Storage;

namespace Kaito.Benchmarks.Crashes;

/// <summary>The dev cluster's storage, with a journal of every change in place of watches.</summary>
internal sealed class SimStore : IClusterStore
{
    private static readonly Lazy<ResourceType[]> s_customTypes = new(CustomTypes);

    private readonly ClusterStore _inner;
    private readonly List<StoredEvent> _journal = [];

    public SimStore(TimeProvider clock)
    {
        Catalog = new();
        foreach (var type in s_customTypes.Value)
        {
            Catalog.Set(type);
        }

        _inner = new(Catalog, new ObjectRules(clock), clock);
        ClusterStart.Fill(_inner);
    }

    public ResourceCatalog Catalog { get; }

    /// <summary>Changes, oldest first.</summary>
    public IReadOnlyList<StoredEvent> Journal => _journal;

    /// <summary>Called after a change was added to the journal.</summary>
    public Action Grown { get; set; } = static () => { };

    public long ResourceVersion => _inner.ResourceVersion;

    public JsonObject? Get(ObjectKey key) => _inner.Get(key);

    public ObjectList List(GroupResource resource, string? ns, ObjectSelector selector) =>
        _inner.List(resource, ns, selector);

    public (ObjectList Page, int Remaining) List(
        GroupResource resource, string? ns, ObjectSelector selector, string? after, int limit) =>
        _inner.List(resource, ns, selector, after, limit);

    public JsonObject Create(GroupResource resource, string? ns, JsonObject value, bool dryRun = false) =>
        Watched(new(resource, ns, value.Name), () => _inner.Create(resource, ns, value, dryRun));

    public JsonObject Update(GroupResource resource, string? ns, JsonObject value, bool dryRun = false) =>
        Watched(new(resource, ns, value.Name), () => _inner.Update(resource, ns, value, dryRun));

    public JsonObject UpdateStatus(GroupResource resource, string? ns, JsonObject value, bool dryRun = false) =>
        Watched(new(resource, ns, value.Name), () => _inner.UpdateStatus(resource, ns, value, dryRun));

    public (JsonObject Object, bool Gone) Delete(ObjectKey key, DeleteRequest request)
    {
        var gone = false;
        var last = Watched(key, () =>
        {
            (var last, gone) = _inner.Delete(key, request);
            return last;
        });
        return (last, gone);
    }

    public IAsyncEnumerable<WatchEvent> WatchAsync(WatchRequest request, CancellationToken cancellationToken) =>
        throw new NotSupportedException("Changes are read from the journal.");

    private static ResourceType[] CustomTypes()
    {
        var catalog = new ResourceCatalog();
        var store = new ClusterStore(catalog, new ObjectRules(TimeProvider.System), TimeProvider.System);
        JsonObject[] definitions =
        [
            .. Crds.All.Select(static crd => JsonNode.Parse(crd.Json)!.AsObject()),
            NodeClaimDefinition.Render(), .. KarpenterDefinitions.Render(),
        ];
        foreach (var definition in definitions)
        {
            store.Create(Resources.Definitions, null, definition);
        }

        return [.. catalog.All.Where(static type => type.Custom)];
    }

    private JsonObject Watched(ObjectKey key, Func<JsonObject> write)
    {
        var (version, before) = (_inner.ResourceVersion, key.Name.Length > 0 ? _inner.Get(key) : null);
        var answer = write();
        if (_inner.ResourceVersion == version)
        {
            return answer;
        }

        // A name may have been made, and an update may have been the end of the object.
        key = key with { Name = answer.Name, Namespace = answer.Namespace is { Length: > 0 } ns ? ns : null };
        var now = _inner.Get(key);
        var change = now is null ? WatchEventType.Deleted
            : before is null ? WatchEventType.Added : WatchEventType.Modified;
        _journal.Add(new(_inner.ResourceVersion, change, key, now ?? answer.Copy(), before));
        Grown();
        return answer;
    }
}
