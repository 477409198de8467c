using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;

namespace Kaito.Tests.Operator.Cluster;

/// <summary>Objects in memory with resource versions; watches say what the test scripts.</summary>
internal sealed class MemoryKubeApi : IKubeApi
{
    private const int PageSize = 2;

    private readonly ConcurrentDictionary<string, IKubeObject> _objects = new(StringComparer.Ordinal);
    private readonly Channel<object> _steps = Channel.CreateUnbounded<object>();
    private int _version;

    /// <summary>Thrown by every call but watches, while it is set.</summary>
    public Exception? Fault { get; set; }

    /// <summary>The resource versions that lists and watches were asked with, in order; lists as <c>list</c>.</summary>
    public ConcurrentQueue<string> Reads { get; } = new();

    /// <summary>A field that no apply may have, because the server is older.</summary>
    public string? UnknownField { get; set; }

    /// <summary>The paths of what was applied; only ConfigMaps and StatefulSets can be.</summary>
    public ConcurrentQueue<string> Applied { get; } = new();

    public IEnumerable<T> All<T>() => _objects.Values.OfType<T>();

    /// <summary>Puts an object there as somebody else would.</summary>
    public void Put<T>(KubeKind<T> kind, T item)
        where T : class, IKubeObject => _objects[Path(kind, item)] = Versioned(kind, item);

    public void Remove<T>(KubeKind<T> kind, T item)
        where T : class, IKubeObject => _objects.TryRemove(Path(kind, item), out _);

    /// <summary>The next thing that a watch says: an event, an exception, or null for its end.</summary>
    public void Say(object? step) => _steps.Writer.TryWrite(step ?? DBNull.Value);

    public Task<T?> GetAsync<T>(KubeKind<T> kind, string? space, string name, CancellationToken cancellationToken)
        where T : class, IKubeObject
    {
        Check();
        return Task.FromResult(_objects.GetValueOrDefault(kind.Object(space, name)) as T);
    }

    public Task<KubeList<T>> ListAsync<T>(
        KubeKind<T> kind, string? space, string? labelSelector, CancellationToken cancellationToken)
        where T : class, IKubeObject
    {
        Reads.Enqueue("list");
        Check();
        return Task.FromResult(new KubeList<T>(
            _version.ToString(CultureInfo.InvariantCulture), [.. _objects.Values.OfType<T>()]));
    }

    public async IAsyncEnumerable<KubeList<T>> PagesAsync<T>(
        KubeKind<T> kind, string? labelSelector,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
        where T : class, IKubeObject
    {
        var all = await ListAsync(kind, null, labelSelector, cancellationToken);
        foreach (var page in all.Items.Chunk(PageSize).DefaultIfEmpty([]))
        {
            yield return all with { Items = [.. page] };
        }
    }

    public async IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(
        KubeKind<T> kind, string? labelSelector, string resourceVersion,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
        where T : class, IKubeObject
    {
        Reads.Enqueue(resourceVersion);
        while (true)
        {
            switch (await _steps.Reader.ReadAsync(cancellationToken))
            {
                case DBNull:
                    yield break;
                case Exception wrong:
                    throw wrong;
                case WatchEvent<T> step:
                    yield return step;
                    break;
            }
        }
    }

    public Task<T> CreateAsync<T>(KubeKind<T> kind, T desired, CancellationToken cancellationToken)
        where T : class, IKubeObject
    {
        Check();
        var made = Versioned(kind, desired);
        return _objects.TryAdd(Path(kind, desired), made)
            ? Task.FromResult(made)
            : throw new KubeConflictException("AlreadyExists", $"{Path(kind, desired)} already exists");
    }

    public Task<T> ReplaceAsync<T>(KubeKind<T> kind, T desired, CancellationToken cancellationToken)
        where T : class, IKubeObject
    {
        Check();
        var now = _objects.GetValueOrDefault(Path(kind, desired));
        if (now?.Metadata.ResourceVersion != desired.Metadata.ResourceVersion)
        {
            throw new KubeConflictException("Conflict", "the object has been modified");
        }

        Put(kind, desired);
        return Task.FromResult((T)_objects[Path(kind, desired)]);
    }

    public Task<ObjectMeta> ApplyAsync(IKubeObject desired, CancellationToken cancellationToken)
    {
        Check();
        var configuration = desired as ValidatingWebhookConfiguration ?? throw new NotSupportedException();
        Put(KubeKinds.ValidatingWebhooks, configuration);
        return Task.FromResult(_objects[Path(KubeKinds.ValidatingWebhooks, configuration)].Metadata);
    }

    public Task<ObjectMeta> ApplyAsync(string path, string json, CancellationToken cancellationToken)
    {
        Check();
        if (UnknownField is { } field && json.Contains(field, StringComparison.Ordinal))
        {
            throw new KubeException(HttpStatusCode.InternalServerError, "InternalError", $".spec.{field}: field not declared in schema");
        }

        Applied.Enqueue(path);
        if (path.Contains("/statefulsets/", StringComparison.Ordinal))
        {
            Put(KubeKinds.StatefulSets, JsonSerializer.Deserialize(json, KubeKinds.StatefulSets.Contract)!);
            return Task.FromResult(_objects[path].Metadata);
        }

        Put(KubeKinds.ConfigMaps, JsonSerializer.Deserialize(json, KubeKinds.ConfigMaps.Contract)!);
        return Task.FromResult(_objects[path].Metadata);
    }

    public Task<JsonNode?> GetAsync(string path, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public Task<string> ReadTextAsync(string path, CancellationToken cancellationToken) =>
        throw new NotSupportedException(path);

    public Task PatchAsync<T>(
        KubeKind<T> kind, T target, JsonObject merge, bool status, CancellationToken cancellationToken)
        where T : class, IKubeObject => throw new NotSupportedException();

    public Task DeleteAsync(IKubeObject target, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    private static string Path<T>(KubeKind<T> kind, T item)
        where T : class, IKubeObject => kind.Object(item.Metadata.Namespace, item.Metadata.Name!);

    private T Versioned<T>(KubeKind<T> kind, T item)
        where T : class, IKubeObject
    {
        var json = JsonSerializer.SerializeToNode(item, kind.Contract)!;
        json["metadata"]!["resourceVersion"] =
            Interlocked.Increment(ref _version).ToString(CultureInfo.InvariantCulture);
        return json.Deserialize(kind.Contract)!;
    }

    private void Check()
    {
        if (Fault is { } fault)
        {
            throw fault;
        }
    }
}
