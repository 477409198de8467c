using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Cluster;

/// <summary>
/// Server-side apply that remembers: an object that is as it was applied last costs no request. It takes over fields, but
/// no objects: what has the name of an owned object and another owner, or none, stays as it is.
/// </summary>
/// <remarks>
/// What was applied is also told by an annotation, so that a new process need not apply everything at once. What it takes
/// on trust so it applies within the hour: somebody may have changed the object while nobody looked.
/// </remarks>
/// <param name="api">The API server.</param>
/// <param name="find">An object in the local copy; null when it is not there.</param>
/// <param name="clock">Times the trust.</param>
internal sealed class ObjectApplier(IKubeApi api, Func<IKubeObject, IKubeObject?> find, TimeProvider clock)
{
    /// <summary>On every applied object: a digest of what was applied.</summary>
    public const string Annotation = "kaito.sh/applied-hash";

    // Of a StatefulSet, from Kubernetes 1.23 on.
    private const string ClaimRetention = "persistentVolumeClaimRetentionPolicy";

    private static readonly TimeSpan s_shortestTrust = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_longestTrust = TimeSpan.FromMinutes(60);

    // What falls due before the owner is through need not be looked at again at once.
    private static readonly TimeSpan s_soon = TimeSpan.FromMinutes(1);

    // Workers never share an owner, but several write; the entries of an owner go when it goes.
    private readonly ConcurrentDictionary<string, ImmutableArray<Applied>> _applied = new(StringComparer.Ordinal);

    /// <summary>Whether the object had to be written.</summary>
    /// <param name="owner">Key of the object's owner; one caller at a time.</param>
    /// <param name="desired">All of it that we say.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    /// <exception cref="KubeNameTakenException">The object is somebody else's.</exception>
    public async Task<bool> ApplyAsync(string owner, IKubeObject desired, CancellationToken cancellationToken)
    {
        var (kind, json) = KubeKinds.Describe(desired);
        var path = kind.Object(desired.Metadata.Namespace, desired.Metadata.Name!);
        var (place, content) = (Digest(path), Digest(json));
        var current = find(desired);
        var live = current?.Metadata;
        var last = _applied.GetValueOrDefault(owner, []).FirstOrDefault(a => a.Place == place);
        if (last is not null && live is not null && IsAsApplied(last, content, live))
        {
            return false;
        }

        if (Owner(desired) is { } uid && !await IsFreeAsync(current, path, uid, cancellationToken))
        {
            Drop(owner, place);
            throw new KubeNameTakenException(desired);
        }

        if (last is null && live?.Annotations?.GetValueOrDefault(Annotation) == Text(content))
        {
            var trust = s_shortestTrust + ((s_longestTrust - s_shortestTrust) * Random.Shared.NextDouble());
            Remember(owner, new(place, content, Digest(Version(live))) { TrustedUntil = clock.GetUtcNow() + trust });
            return false;
        }

        var metadata = await ApplyAsync(path, Marked(json, content), cancellationToken);
        Remember(owner, new(place, content, Digest(Version(metadata))));
        return true;
    }

    // A server that does not know a field refuses all of the apply. What this one adds the others do without.
    private async Task<ObjectMeta> ApplyAsync(string path, JsonNode manifest, CancellationToken cancellationToken)
    {
        try
        {
            return await api.ApplyAsync(path, manifest.ToJsonString(), cancellationToken);
        }
        catch (KubeException old) when (old.Message.Contains(ClaimRetention, StringComparison.Ordinal)
            && (manifest["spec"] as JsonObject)?.Remove(ClaimRetention) == true)
        {
            return await api.ApplyAsync(path, manifest.ToJsonString(), cancellationToken);
        }
    }

    private bool IsAsApplied(Applied last, UInt128 content, ObjectMeta live) => last.Content == content
        && last.Version == Digest(Version(live)) && !(last.TrustedUntil <= clock.GetUtcNow() + s_soon);

    /// <summary>When something of an owner was long enough taken on trust; null when nothing is.</summary>
    /// <remarks>What was for too long and is not applied any more does not count: nobody would ever apply it.</remarks>
    public TimeSpan? TrustEnds(string owner)
    {
        var now = clock.GetUtcNow();
        return _applied.GetValueOrDefault(owner, []).Min(a => a.TrustedUntil > now ? a.TrustedUntil : null) - now;
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

    // As a reader sees it: its generation, or its resource version.
    private static string Version(ObjectMeta metadata) => metadata.Generation is { } generation and > 0
        ? $"{metadata.Uid}/{generation}"
        : $"{metadata.Uid}/{metadata.ResourceVersion}";

    private static JsonNode Marked(string json, UInt128 content)
    {
        var manifest = JsonNode.Parse(json)!;
        var metadata = manifest["metadata"]!.AsObject();
        var annotations = metadata["annotations"]?.AsObject() ?? [];
        annotations[Annotation] = Text(content);
        metadata["annotations"] = annotations;
        return manifest;
    }

    private static UInt128 Digest(string text) =>
        BinaryPrimitives.ReadUInt128BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static string Text(UInt128 digest) => $"{digest:x32}";

    private void Remember(string owner, Applied applied)
    {
        Drop(owner, applied.Place);
        _applied[owner] = _applied[owner].Add(applied);
    }

    private void Drop(string owner, UInt128 place) =>
        _applied[owner] = _applied.GetValueOrDefault(owner, []).RemoveAll(a => a.Place == place);

    private sealed record Applied(UInt128 Place, UInt128 Content, UInt128 Version)
    {
        public DateTimeOffset? TrustedUntil { get; init; }
    }
}
