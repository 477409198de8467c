using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Nodes;

/// <summary>The simulated Karpenter keeps as many NodeClaims as a NodePool has spec.replicas (its gate StaticCapacity).</summary>
internal sealed class NodePoolReconciler(IClusterStore store) : IReconciler
{
    private const string PoolLabel = "karpenter.sh/nodepool";

    public string Name => "karpenter-static-capacity";

    public ImmutableArray<WatchRule> Watches =>
    [
        WatchRule.Itself(Resources.NodePools),
        new(Resources.NodeClaims, static claim => claim.Text("metadata", "labels", PoolLabel) is { Length: > 0 } pool
            ? [new(Resources.NodePools, null, pool)]
            : []),
    ];

    public TimeSpan? Reconcile(ObjectKey key)
    {
        // The claims of a pool that goes are left to the garbage collector.
        if (store.Get(key) is not { Deleting: false } pool || pool.Number("spec", "replicas") is not { } replicas)
        {
            return null;
        }

        var claims = store.List(Resources.NodeClaims).Items
            .Where(c => c.Text("metadata", "labels", PoolLabel) == pool.Name).ToArray();
        var live = claims.Where(static c => !c.Deleting).ToArray();
        var taken = claims.Select(static c => c.Name).ToHashSet(StringComparer.Ordinal);
        var free = Enumerable.Range(0, int.MaxValue)
            .Select(n => string.Create(CultureInfo.InvariantCulture, $"{pool.Name}-{n}"))
            .Where(name => !taken.Contains(name));
        foreach (var name in free.Take(Math.Max(0, replicas - live.Length)))
        {
            store.Create(Resources.NodeClaims, null, Claim(pool, name));
        }

        var unneeded = live
            .OrderBy(static c => Conditions.IsTrue(c, "Ready"))
            .ThenByDescending(static c => c.Text("metadata", "creationTimestamp"), StringComparer.Ordinal)
            .ThenByDescending(static c => c.Name, StringComparer.Ordinal);
        foreach (var claim in unneeded.Take(Math.Max(0, live.Length - replicas)))
        {
            store.Delete(Resources.NodeClaims.KeyOf(claim), DeleteRequest.Default);
        }

        return null;
    }

    private static JsonObject Claim(JsonObject pool, string name)
    {
        var template = pool.At("spec", "template");
        var labels = template.Map("metadata", "labels").Where(static l => l.Key != PoolLabel)
            .Append(KeyValuePair.Create(PoolLabel, pool.Name));
        return new()
        {
            ["apiVersion"] = "karpenter.sh/v1",
            ["kind"] = "NodeClaim",
            ["metadata"] = new JsonObject
            {
                ["name"] = name,
                ["labels"] = Fields.MapOf(labels),
                ["annotations"] = Fields.MapOf(template.Map("metadata", "annotations")),
                ["ownerReferences"] = new JsonArray(Resources.OwnerReference(pool, "karpenter.sh/v1", "NodePool")),
            },
            ["spec"] = template.At("spec")?.DeepClone(),
        };
    }
}
