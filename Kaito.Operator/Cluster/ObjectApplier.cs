using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Cluster;

/// <summary>
/// Server-side apply that remembers: an object that is as it was applied last costs no request. It takes over fields, but
/// no objects: what has the name of an owned object and another owner, or none, stays as it is.
/// </summary>
/// <param name="api">The API server.</param>
/// <param name="live">The object in the local copy; null when it is not there.</param>
internal sealed class ObjectApplier(IKubeApi api, Func<IKubeObject, IKubeObject?> live)
{
    // Workers never share an owner, but several write; the entries of an owner go when it goes.
    private readonly ConcurrentDictionary<string, ImmutableDictionary<string, Applied>> _applied =
        new(StringComparer.Ordinal);

    /// <summary>The version of an object as a reader sees it: its generation, or its resource version.</summary>
    public static string? Version(ObjectMeta metadata) => metadata.Generation is { } generation and > 0
        ? $"{metadata.Uid}/{generation}"
        : $"{metadata.Uid}/{metadata.ResourceVersion}";

    /// <summary>Whether the object had to be written.</summary>
    /// <param name="owner">Key of the object's owner; one caller at a time.</param>
    /// <param name="desired">All of it that we say.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    /// <exception cref="KubeNameTakenException">The object is somebody else's.</exception>
    public async Task<bool> ApplyAsync(string owner, IKubeObject desired, CancellationToken cancellationToken)
    {
        var (kind, json) = KubeKinds.Describe(desired);
        var path = kind.Object(desired.Metadata.Namespace, desired.Metadata.Name!);
        var known = _applied.GetValueOrDefault(owner, ImmutableDictionary<string, Applied>.Empty);
        var current = live(desired);
        if (known.TryGetValue(path, out var last) && last.Json == json
            && last.Version == (current is null ? null : Version(current.Metadata)))
        {
            return false;
        }

        if (Owner(desired) is { } uid && !await IsFreeAsync(current, path, uid, cancellationToken))
        {
            _applied[owner] = known.Remove(path);
            throw new KubeNameTakenException(desired);
        }

        var metadata = await api.ApplyAsync(desired, cancellationToken);
        _applied[owner] = known.SetItem(path, new(json, Version(metadata)));
        return true;
    }

    public void Forget(string owner) => _applied.TryRemove(owner, out _);

    private static string? Owner(IKubeObject desired) => (desired.Metadata.OwnerReferences ?? []).FirstOrDefault()?.Uid;

    // Copies hold only what carries our label: an object that they lack may still be there.
    private async Task<bool> IsFreeAsync(
        IKubeObject? current, string path, string uid, CancellationToken cancellationToken)
    {
        if (current is not null)
        {
            return (current.Metadata.OwnerReferences ?? []).Any(o => o.Uid == uid);
        }

        return await api.GetAsync(path, cancellationToken) is not { } there
            || (there["metadata"]?["ownerReferences"] as JsonArray ?? []).Any(o => (string?)o?["uid"] == uid);
    }

    private sealed record Applied(string Json, string? Version);
}
