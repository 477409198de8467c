using System.Text.Json.Nodes;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Cluster;

/// <summary>Whether this process may change the cluster now.</summary>
/// <param name="clock">Counts from the last renewal; whoever reads the Lease counts longer.</param>
internal sealed class LeaderTerm(TimeProvider clock)
{
    /// <summary>How long a renewal counts; shorter than the Lease itself.</summary>
    public static readonly TimeSpan Length = TimeSpan.FromSeconds(10);

    private long? _renewed;
    private volatile bool _needed;

    public bool MayWrite => !_needed || (_renewed is { } at && clock.GetElapsedTime(at) < Length);

    /// <summary>From now on only a renewed Lease allows writes.</summary>
    public void Require() => _needed = true;

    /// <summary>The Lease is held.</summary>
    /// <param name="at">When the request that renewed it was sent.</param>
    public void Renew(long at) => _renewed = at;
}

/// <summary>
/// The API server for controllers: a process that slept through the end of its Lease changes nothing any more when it wakes
/// in the middle of a reconcile.
/// </summary>
internal sealed class FencedKubeApi(KubeApi api, LeaderTerm term) : IKubeApi
{
    public Task<T?> GetAsync<T>(KubeKind<T> kind, string? space, string name, CancellationToken cancellationToken)
        where T : class, IKubeObject => api.GetAsync(kind, space, name, cancellationToken);

    public Task<KubeList<T>> ListAsync<T>(
        KubeKind<T> kind, string? space, string? labelSelector, CancellationToken cancellationToken)
        where T : class, IKubeObject => api.ListAsync(kind, space, labelSelector, cancellationToken);

    public IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(
        KubeKind<T> kind, string? labelSelector, string resourceVersion, CancellationToken cancellationToken)
        where T : class, IKubeObject => api.WatchAsync(kind, labelSelector, resourceVersion, cancellationToken);

    public IAsyncEnumerable<KubeList<T>> PagesAsync<T>(
        KubeKind<T> kind, string? labelSelector, CancellationToken cancellationToken)
        where T : class, IKubeObject => api.PagesAsync(kind, labelSelector, cancellationToken);

    public Task<string> ReadTextAsync(string path, CancellationToken cancellationToken) =>
        api.ReadTextAsync(path, cancellationToken);

    public Task<JsonNode?> GetAsync(string path, CancellationToken cancellationToken) =>
        api.GetAsync(path, cancellationToken);

    public Task<T> CreateAsync<T>(KubeKind<T> kind, T desired, CancellationToken cancellationToken)
        where T : class, IKubeObject => Allowed().CreateAsync(kind, desired, cancellationToken);

    public Task<T> ReplaceAsync<T>(KubeKind<T> kind, T desired, CancellationToken cancellationToken)
        where T : class, IKubeObject => Allowed().ReplaceAsync(kind, desired, cancellationToken);

    public Task<ObjectMeta> ApplyAsync(IKubeObject desired, CancellationToken cancellationToken) =>
        Allowed().ApplyAsync(desired, cancellationToken);

    public Task<ObjectMeta> ApplyAsync(string path, string json, CancellationToken cancellationToken) =>
        Allowed().ApplyAsync(path, json, cancellationToken);

    public Task PatchAsync<T>(
        KubeKind<T> kind, T target, JsonObject merge, bool status, CancellationToken cancellationToken)
        where T : class, IKubeObject => Allowed().PatchAsync(kind, target, merge, status, cancellationToken);

    public Task DeleteAsync(IKubeObject target, CancellationToken cancellationToken) =>
        Allowed().DeleteAsync(target, cancellationToken);

    private KubeApi Allowed() => term.MayWrite
        ? api
        : throw new TimeoutException("The Lease has run out: another replica may lead, and this one writes no more.");
}
