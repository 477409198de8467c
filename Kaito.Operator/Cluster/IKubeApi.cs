using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Cluster;

/// <summary>Objects of a kind at one resource version.</summary>
internal sealed record KubeList<T>(string ResourceVersion, ImmutableArray<T> Items);

/// <summary>One step of a watch. A bookmark carries only a resource version.</summary>
internal abstract record WatchEvent<T>(string ResourceVersion)
{
    public sealed record Upserted(string ResourceVersion, T Object) : WatchEvent<T>(ResourceVersion);

    public sealed record Deleted(string ResourceVersion, T Object) : WatchEvent<T>(ResourceVersion);

    public sealed record Bookmark(string ResourceVersion) : WatchEvent<T>(ResourceVersion);
}

/// <summary>The API server. Every method throws <see cref="KubeException"/> when it refuses.</summary>
internal interface IKubeApi
{
    /// <summary>The object, or null when there is none.</summary>
    Task<T?> GetAsync<T>(KubeKind<T> kind, string? space, string name, CancellationToken cancellationToken)
        where T : class, IKubeObject;

    /// <summary>All objects in a namespace (everywhere when null) that match a label selector.</summary>
    Task<KubeList<T>> ListAsync<T>(
        KubeKind<T> kind, string? space, string? labelSelector, CancellationToken cancellationToken)
        where T : class, IKubeObject;

    /// <summary>All objects that match a label selector, a page at a time; each page names the version of the first.</summary>
    IAsyncEnumerable<KubeList<T>> PagesAsync<T>(
        KubeKind<T> kind, string? labelSelector, CancellationToken cancellationToken)
        where T : class, IKubeObject;

    /// <summary>Changes after a resource version; ends when the server ends it.</summary>
    IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(
        KubeKind<T> kind, string? labelSelector, string resourceVersion, CancellationToken cancellationToken)
        where T : class, IKubeObject;

    Task<T> CreateAsync<T>(KubeKind<T> kind, T desired, CancellationToken cancellationToken)
        where T : class, IKubeObject;

    /// <summary>Replaces an object; its resource version must still be the current one.</summary>
    Task<T> ReplaceAsync<T>(KubeKind<T> kind, T desired, CancellationToken cancellationToken)
        where T : class, IKubeObject;

    /// <summary>Server-side apply as field manager <c>kaito</c>, taking over fields that others set.</summary>
    /// <returns>The metadata of the object as it is now.</returns>
    Task<ObjectMeta> ApplyAsync(IKubeObject desired, CancellationToken cancellationToken);

    /// <summary>Server-side apply of JSON at a path, e.g. a CustomResourceDefinition.</summary>
    Task<ObjectMeta> ApplyAsync(string path, string json, CancellationToken cancellationToken);

    /// <summary>JSON at a path; null when there is none.</summary>
    Task<JsonNode?> GetAsync(string path, CancellationToken cancellationToken);

    /// <summary>Text at a path, e.g. a pod's log or a page of a pod through the proxy.</summary>
    Task<string> ReadTextAsync(string path, CancellationToken cancellationToken);

    /// <summary>Merges into an object, or into its status.</summary>
    Task PatchAsync<T>(KubeKind<T> kind, T target, JsonObject merge, bool status, CancellationToken cancellationToken)
        where T : class, IKubeObject;

    /// <summary>Deletes this very object (by uid) in the background; done when it is not there.</summary>
    Task DeleteAsync(IKubeObject target, CancellationToken cancellationToken);
}
