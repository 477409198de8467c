using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core.Kubernetes;
using Kaito.DevCluster.Api;
using Kaito.DevCluster.Apply;
using Kaito.DevCluster.Storage;
using Kaito.Operator.Cluster;
using ObjectMeta = Kaito.Core.Kubernetes.ObjectMeta;

namespace Kaito.Benchmarks.Crashes;

/// <summary>The dev cluster's API for one process of the operator, without sockets and text on a wire.</summary>
internal sealed class SimApi(Simulation world) : IKubeApi
{
    private static readonly JsonSerializerOptions s_plain = new();
    private int _watches;

    public async Task<T?> GetAsync<T>(
        KubeKind<T> kind, string? space, string name, CancellationToken cancellationToken)
        where T : class, IKubeObject
    {
        await Task.Yield();
        return world.Store.Get(Key(kind, space, name)) is { } found ? Read(found, kind) : null;
    }

    public async Task<KubeList<T>> ListAsync<T>(
        KubeKind<T> kind, string? space, string? labelSelector, CancellationToken cancellationToken)
        where T : class, IKubeObject
    {
        await Task.Yield();
        var list = world.Store.List(Resource(kind), space, ObjectSelector.Parse(labelSelector, null));
        return new($"{list.ResourceVersion}", [.. list.Items.Select(item => Read(item, kind))]);
    }

    public async IAsyncEnumerable<KubeList<T>> PagesAsync<T>(
        KubeKind<T> kind, string? labelSelector, [EnumeratorCancellation] CancellationToken cancellationToken)
        where T : class, IKubeObject
    {
        yield return await ListAsync(kind, null, labelSelector, cancellationToken);
    }

    public async IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(
        KubeKind<T> kind, string? labelSelector, string resourceVersion,
        [EnumeratorCancellation] CancellationToken cancellationToken)
        where T : class, IKubeObject
    {
        var request = new WatchRequest(Resource(kind))
        {
            Selector = ObjectSelector.Parse(labelSelector, null),
            FromResourceVersion = long.Parse(resourceVersion, System.Globalization.CultureInfo.InvariantCulture),
        };
        var watch = new SimWatch(world, request, world.Faults.Seed + (17 * _watches++));
        await using var changes = watch.RunAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);
        while (await NextAsync(changes))
        {
            var change = changes.Current;
            var version = $"{change.ResourceVersion}";
            yield return change.Type == WatchEventType.Deleted
                ? new WatchEvent<T>.Deleted(version, Read(change.Object, kind))
                : new WatchEvent<T>.Upserted(version, Read(change.Object, kind));
        }
    }

    public async Task<T> CreateAsync<T>(KubeKind<T> kind, T desired, CancellationToken cancellationToken)
        where T : class, IKubeObject
    {
        var space = desired.Metadata.Namespace;
        var body = JsonSerializer.SerializeToNode(desired, kind.Contract)!.AsObject();
        return Read(
            await WriteAsync($"create {kind.Plural}/{desired.Metadata.Name}", () =>
            {
                ManagedFields.Update(null, body, Root(kind), Manager(kind, ""));
                return world.Store.Create(Resource(kind), space, body);
            }),
            kind);
    }

    public Task<T> ReplaceAsync<T>(KubeKind<T> kind, T desired, CancellationToken cancellationToken)
        where T : class, IKubeObject => throw new NotSupportedException("Only leases are replaced.");

    public Task<ObjectMeta> ApplyAsync(IKubeObject desired, CancellationToken cancellationToken)
    {
        var (kind, json) = KubeKinds.Describe(desired);
        return ApplyAsync(
            kind.Object(desired.Metadata.Namespace, desired.Metadata.Name!), json, cancellationToken);
    }

    public async Task<ObjectMeta> ApplyAsync(string path, string json, CancellationToken cancellationToken)
    {
        var target = ApiPath.Parse(path, world.Store.Catalog);
        var manager = new FieldManager("kaito", target.ApiVersion, "", world.Clock.GetUtcNow());
        var stored = await WriteAsync($"apply {path}", () =>
        {
            var live = world.Store.Get(target.Key);
            var merged = ManagedFields.Apply(
                live, JsonNode.Parse(json)!.AsObject(), FieldCursor.Root(target.Type, target.Version), manager, force: true);
            return live is null
                ? world.Store.Create(target.Resource, target.Namespace, merged)
                : world.Store.Update(target.Resource, target.Namespace, merged);
        });
        return stored["metadata"].Deserialize(KubeJson.Default.ObjectMeta)!;
    }

    public async Task<JsonNode?> GetAsync(string path, CancellationToken cancellationToken)
    {
        await Task.Yield();
        try
        {
            return world.Store.Get(ApiPath.Parse(path, world.Store.Catalog).Key);
        }
        catch (ApiStatusException unknown) when (unknown.Status.Code == 404)
        {
            return null;
        }
    }

    // Nothing listens in the pods of a simulation.
    public Task<string> ReadTextAsync(string path, CancellationToken cancellationToken) =>
        throw KubeException.From(HttpStatusCode.ServiceUnavailable, "ServiceUnavailable", $"{path}: connection refused");

    public async Task PatchAsync<T>(
        KubeKind<T> kind, T target, JsonObject merge, bool status, CancellationToken cancellationToken)
        where T : class, IKubeObject
    {
        var key = Key(kind, target.Metadata.Namespace, target.Metadata.Name!);
        await WriteAsync($"patch {kind.Plural}/{key.Name}{(status ? "/status" : "")} {merge.ToJsonString()}", () =>
        {
            var live = world.Store.Get(key) ?? throw ApiStatusException.NotFound(key.Resource, key.Name);
            var next = JsonPatches.Merge(live, merge);
            ManagedFields.Update(live, next, Root(kind), Manager(kind, status ? "status" : ""));
            return status
                ? world.Store.UpdateStatus(key.Resource, key.Namespace, next)
                : world.Store.Update(key.Resource, key.Namespace, next);
        });
    }

    public async Task DeleteAsync(IKubeObject target, CancellationToken cancellationToken)
    {
        var kind = KubeKinds.Of(target);
        var key = Key(kind, target.Metadata.Namespace, target.Metadata.Name!);
        try
        {
            await WriteAsync(
                $"delete {kind.Plural}/{key.Name}",
                () => world.Store.Delete(key, DeleteRequest.Default with { Uid = target.Metadata.Uid }).Object);
        }
        catch (KubeNotFoundException)
        {
            // Gone already, which is what was asked for.
        }
    }

    private static async Task<bool> NextAsync(IAsyncEnumerator<WatchEvent> changes)
    {
        try
        {
            return await changes.MoveNextAsync();
        }
        catch (ApiStatusException refused)
        {
            throw Refused(refused);
        }
    }

    private async Task<JsonObject> WriteAsync(string what, Func<JsonObject> write)
    {
        await Task.Yield();
        var fault = world.Writing(what);
        if (fault == WriteFault.KilledBefore)
        {
            await world.DieAsync();
        }

        if (fault == WriteFault.Refused)
        {
            throw KubeException.From(HttpStatusCode.InternalServerError, "InternalError", "etcd has no leader");
        }

        if (fault == WriteFault.Conflict)
        {
            throw KubeException.From(HttpStatusCode.Conflict, "Conflict", "the object has been modified");
        }

        var answer = Done(write);
        if (fault == WriteFault.KilledAfter)
        {
            await world.DieAsync();
        }

        return fault == WriteFault.AnswerLost ? throw new TimeoutException("no answer within 30 s") : answer;
    }

    private static JsonObject Done(Func<JsonObject> write)
    {
        try
        {
            return write();
        }
        catch (ApiStatusException refused)
        {
            throw Refused(refused);
        }
    }

    private static KubeException Refused(ApiStatusException refused) =>
        KubeException.From((HttpStatusCode)refused.Status.Code, refused.Status.Reason, refused.Message);

    private FieldCursor Root(KubeKind kind)
    {
        var type = world.Store.Catalog.Get(Resource(kind));
        return FieldCursor.Root(type, type.StorageVersion);
    }

    private FieldManager Manager(KubeKind kind, string subresource) =>
        new("kaito", kind.ApiVersion, subresource, world.Clock.GetUtcNow());

    private static GroupResource Resource(KubeKind kind) => new(
        kind.ApiVersion.Contains('/', StringComparison.Ordinal) ? kind.ApiVersion.Split('/')[0] : "", kind.Plural);

    private static ObjectKey Key(KubeKind kind, string? space, string name) =>
        new(Resource(kind), kind.Namespaced ? space : null, name);

    private static T Read<T>(JsonObject item, KubeKind<T> kind)
        where T : class, IKubeObject
    {
        using var document = JsonSerializer.SerializeToDocument(item, s_plain);
        return ObjectReader.Read(document.RootElement, kind);
    }
}
