using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;
using Kaito.Operator.Workspaces;

namespace Kaito.Operator.Nodes;

/// <summary>PURE: one NodePool per owner, answered by Karpenter.</summary>
internal static class NodePoolStrategy
{
    /// <summary>Reason while the NodeClass is missing or not ready.</summary>
    public const string ClassNotReady = "NodeClassNotReady";

    public static NodePlan Plan(NodeDemand demand, NodeObservation observed, OperatorOptions options)
    {
        var name = NodePools.Name(demand, observed.Pools);
        var pool = observed.Pools.FirstOrDefault(p => p.Metadata.Name == name);
        var covered = Covered(demand, observed);
        var needed = Math.Max(0, demand.Count - covered.Count);
        var claims = observed.Claims
            .Where(c => c.Metadata.DeletionTimestamp is null
                && c.Metadata.Labels?.GetValueOrDefault(Labels.NodePool) == name)
            .ToImmutableArray();
        var problem = NodeClassOf(demand, observed, options, out var nodeClass);
        var claimsReady = claims.Count(NodeReadiness.IsReady) >= needed
            ? WorkspaceConditions.Met(ConditionTypes.NodeClaimReady, "NodeClaimsReady", "Enough NodeClaims are ready")
            : problem ?? NodeClaimDiagnosis.Explain(demand, claims, observed.Conditions);

        var ready = Ready(demand, observed, covered.Nodes);
        var withGpus = ready.Count(n => NodeReadiness.HasGpus(n, demand));
        var nodesReady = NodeReadiness.NodesReady(
            demand, ready, claimsReady.Status == Condition.True ? ready.Length : 0, withGpus,
            "Enough Nodes are ready with GPU resources");
        var next = Next(demand, pool, needed, nodesReady.Status == Condition.True);
        var asks = next > 0 && problem is null && pool?.Metadata.DeletionTimestamp is null;
        return new()
        {
            Missing = asks ? [Kept(NodePools.Render(demand, name, next, nodeClass, options.Karpenter), pool)] : [],
            Unmarked = [.. ready.Where(n => LacksMark(n, demand))],
            Nodes = ready,
            Conditions = [claimsReady, nodesReady, NodeReadiness.Resources(demand, claimsReady, nodesReady)],
            Placement = Placement(demand, covered.Allowed),
            Events = asks && pool is null ? [Created(demand, name)] : [],
        };
    }

    private static PodPlacement Placement(NodeDemand demand, bool covered) => new()
    {
        Terms =
        [
            AdoptedNodes.With(demand.Labels.Concat(demand.PoolLabels)),
            .. covered
                ? AdoptedNodes.Terms(demand).Append(AdoptedNodes.With(demand.Labels.Concat(demand.OwnerLabels)))
                : [],
        ],
        GpuResource = demand.GpuResource,
        Gpus = demand.Gpus,
    };

    private static bool LacksMark(Node node, NodeDemand demand) => demand.NeedsGpus
        && NodeReadiness.HasGpus(node, demand) && NodeReadiness.HasLabels(node, demand.PoolLabels)
        && !node.Metadata.Labels!.ContainsKey(Labels.Accelerator);

    private static Occurrence Created(NodeDemand demand, string name) => new(
        false, "NodePoolCreated",
        $"Successfully created NodePool {name} for {demand.Owner} {demand.Namespace}/{demand.Name}");

    // Nodes that the pool need not bring: the user's own, and those that gpu-provisioner brought before.
    private static (int Count, ImmutableArray<Node> Nodes, bool Allowed) Covered(
        NodeDemand demand, NodeObservation observed)
    {
        var own = observed.Nodes.Where(n => NodeReadiness.IsReady(n) && NodeReadiness.HasInstanceType(n, demand))
            .ToImmutableArray();
        var ofPool = own.Count(n => NodeReadiness.HasLabels(n, demand.PoolLabels));
        var adoption = AdoptedNodes.Of(demand, observed, ofPool);
        var legacyClaims = observed.Claims.Count(c => c.Metadata.DeletionTimestamp is null && OfOwner(c, demand));
        var legacy = own.Where(n => NodeReadiness.HasLabels(n, demand.OwnerLabels)).ToImmutableArray();
        return (
            adoption.Nodes.Length + legacyClaims, adoption.Nodes.AddRange(legacy), adoption.Allowed || legacyClaims > 0);
    }

    private static ImmutableArray<Node> Ready(
        NodeDemand demand, NodeObservation observed, ImmutableArray<Node> covered) =>
    [
        .. observed.Nodes.Where(n => NodeReadiness.IsReady(n) && NodeReadiness.HasInstanceType(n, demand)
            && NodeReadiness.HasLabels(n, demand.PoolLabels)),
        .. covered,
    ];

    private static bool OfOwner(NodeClaim claim, NodeDemand demand) =>
        demand.OwnerLabels.All(l => claim.Metadata.Labels?.GetValueOrDefault(l.Key) == l.Value);

    // Never fewer than there are because another node came: Karpenter might take one that works. Fewer only when the
    // owner wants fewer, and has them.
    private static int Next(NodeDemand demand, NodePool? pool, int needed, bool ready)
    {
        var now = pool?.Spec?.Replicas ?? 0;
        return needed > now ? needed : ready ? Math.Max(needed, Math.Min(now, demand.Count)) : now;
    }

    // Somebody may hold drifted nodes back for a while.
    private static NodePool Kept(NodePool wanted, NodePool? there) =>
        wanted with { Spec = wanted.Spec! with { Disruption = there?.Spec?.Disruption ?? wanted.Spec!.Disruption } };

    private static Condition? NodeClassOf(
        NodeDemand demand, NodeObservation observed, OperatorOptions options, out string name)
    {
        var (known, wanted) = (options.Karpenter.Classes, demand.NodeClass);
        name = wanted is { Length: > 0 } ? wanted : options.Karpenter.Default?.Name ?? "";
        var chosen = name;
        if (!known.Any(c => c.Name == chosen))
        {
            return WorkspaceConditions.Unmet(
                ConditionTypes.NodeClaimReady, "NodeClassNotPermitted",
                $"annotation {Annotations.NodeClassName}: \"{name}\" is not permitted; use one of "
                + $"{string.Join(", ", known.Select(static c => c.Name))}, or add it to --karpenter-node-classes.");
        }

        var there = observed.NodeClasses.FirstOrDefault(c => c.Metadata.Name == chosen);
        return there is not null && NodeReadiness.Holds(there.Status?.Conditions, "Ready")
            ? null
            : WorkspaceConditions.Unmet(
                ConditionTypes.NodeClaimReady, ClassNotReady,
                $"{options.Karpenter.Kind} {name} {(there is null ? "does not exist" : "is not ready")}"
                + $"{Why(there)}; see kubectl describe {options.Karpenter.ResourceName} {name}.");
    }

    private static string Why(NodeClass? there) =>
        (there?.Status?.Conditions ?? []).FirstOrDefault(static c => c.Type == "Ready") is { Message: { Length: > 0 } m }
            ? $" ({PodDiagnosis.Cut(m)})"
            : "";
}
