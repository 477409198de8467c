using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;
using Kaito.Operator.Workspaces;

namespace Kaito.Operator.Nodes;

/// <summary>PURE: one NodeClaim per node, answered by gpu-provisioner.</summary>
internal static class NodeClaimStrategy
{
    private const string Gpu = "nvidia.com/gpu";
    private static readonly ImmutableArray<string> s_pressures = ["DiskPressure", "MemoryPressure", "PIDPressure"];

    public static NodePlan Plan(NodeDemand demand, NodeObservation observed, OperatorOptions options)
    {
        var bare = observed.Nodes.Count(
            static n => IsReady(n) && n.Metadata.Labels?.ContainsKey(Labels.NodePool) != true);
        var needed = Math.Max(0, demand.Count - bare);
        var live = observed.Claims.Where(static c => c.Metadata.DeletionTimestamp is null).ToImmutableArray();
        var fitting = live.Where(c => AsksFor(c, demand.InstanceType)).ToImmutableArray();
        var matching = observed.Nodes.Where(n => IsReady(n) && HasInstanceType(n, demand)).ToImmutableArray();
        var withGpu = matching.Where(static n => Capacity(n) > 0).ToImmutableArray();
        var enough = fitting.Count(IsReady) >= needed;
        var claimsReady = enough
            ? WorkspaceConditions.Met(ConditionTypes.NodeClaimReady, "NodeClaimsReady", "Enough NodeClaims are ready")
            : NodeClaimDiagnosis.Explain(demand, fitting, observed.Conditions);
        var nodesReady = NodesReady(demand, observed, enough ? matching.Length : 0, withGpu.Length);
        var missing = Missing(demand, observed.Claims, needed - fitting.Length, options);

        // Nodes of another instance type serve until those of the right one can.
        ImmutableArray<NodeClaim> surplus = nodesReady.Status == Condition.True
            ? [.. live.Except(fitting), .. Dispensable(demand, observed, fitting).Take(fitting.Length - needed)]
            : [];
        return new()
        {
            Missing = [.. missing],
            Surplus = [.. surplus],
            Unmarked = [.. withGpu.Where(static n => n.Metadata.Labels?.GetValueOrDefault(Labels.Accelerator) is null)],
            Nodes = observed.Nodes,
            Conditions = [claimsReady, nodesReady, Resources(demand, claimsReady, nodesReady)],
            Placement = new() { Terms = [OnNodesOf(demand)], GpuResource = demand.GpuResource, Gpus = demand.Gpus },
            Events = [.. Events(demand, missing, surplus)],
        };
    }

    public static bool IsReady(Node node) =>
        node.Metadata.DeletionTimestamp is null && Holds(node.Status?.Conditions, "Ready");

    /// <summary>The same owner, uid and slot give the same name: asking twice asks for one node.</summary>
    internal static string Name(NodeDemand demand, int slot)
    {
        var text = string.Create(
            CultureInfo.InvariantCulture, $"{demand.Namespace}/{demand.Name}/{demand.Uid}/{slot}");
        return "ws" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..9];
    }

    internal static bool IsReady(NodeClaim claim) =>
        claim.Status?.Conditions is { } conditions && conditions.Any(static c => c.Type == "Ready")
            ? Holds(conditions, "Ready")
            : !string.IsNullOrEmpty(claim.Status?.NodeName);

    private static NodeSelectorTerm OnNodesOf(NodeDemand demand) => new()
    {
        MatchExpressions =
        [
            .. demand.Labels.Concat(demand.OwnerLabels)
                .Select(static l => new NodeSelectorRequirement { Key = l.Key, Operator = "In", Values = [l.Value] }),
        ],
    };

    private static IEnumerable<Occurrence> Events(
        NodeDemand demand, ImmutableArray<NodeClaim> missing, ImmutableArray<NodeClaim> surplus)
    {
        foreach (var claim in missing)
        {
            yield return new(
                false, "NodeClaimCreated", $"Successfully created NodeClaim {claim.Metadata.Name} for {demand.Owner} "
                + $"{demand.Namespace}/{demand.Name}");
        }

        foreach (var claim in surplus)
        {
            yield return new(false, "NodeClaimReleased", $"NodeClaim {claim.Metadata.Name} is no longer needed");
        }
    }

    private static bool Holds(ImmutableArray<StatusCondition>? conditions, string type) =>
        (conditions ?? []).Any(c => c.Type == type && c.Status == "True");

    private static bool HasInstanceType(Node node, NodeDemand demand) => string.Equals(
        node.Metadata.Labels?.GetValueOrDefault(Labels.InstanceType), demand.InstanceType,
        StringComparison.OrdinalIgnoreCase);

    private static long Capacity(Node node) =>
        long.TryParse(node.Status?.Capacity?.GetValueOrDefault(Gpu), CultureInfo.InvariantCulture, out var gpus)
            ? gpus
            : 0;

    private static bool AsksFor(NodeClaim claim, string instanceType) => (claim.Spec?.Requirements ?? [])
        .Where(static r => r.Key == Labels.InstanceType)
        .All(r => (r.Values ?? []).Contains(instanceType, StringComparer.OrdinalIgnoreCase));

    // Those first whose loss costs least: not ready, then without a pod that stays, then the youngest.
    private static IEnumerable<NodeClaim> Dispensable(
        NodeDemand demand, NodeObservation observed, ImmutableArray<NodeClaim> fitting)
    {
        var staying = Enumerable.Range(0, demand.Count)
            .Select(ordinal => string.Create(CultureInfo.InvariantCulture, $"{demand.Name}-{ordinal}")).ToHashSet();
        var busy = observed.Pods.Where(p => staying.Contains(p.Metadata.Name ?? ""))
            .Select(static p => p.Spec?.NodeName).ToHashSet();
        return fitting
            .OrderBy(static c => IsReady(c))
            .ThenBy(c => busy.Contains(c.Status?.NodeName))
            .ThenByDescending(static c => c.Metadata.CreationTimestamp)
            .ThenByDescending(static c => c.Metadata.Name, StringComparer.Ordinal);
    }

    private static ImmutableArray<NodeClaim> Missing(
        NodeDemand demand, ImmutableArray<NodeClaim> claims, int count, OperatorOptions options)
    {
        var taken = claims.Select(static c => c.Metadata.Name).ToHashSet();
        return count <= 0
            ? []
            : [.. Enumerable.Range(0, int.MaxValue).Select(slot => Name(demand, slot))
                .Where(name => !taken.Contains(name)).Take(count)
                .Select(name => NodeClaims.Render(demand, name, options))];
    }

    private static Condition NodesReady(NodeDemand demand, NodeObservation observed, int ready, int withGpu)
    {
        var pressure = Pressure(observed.Nodes);
        if (ready < demand.Count)
        {
            return WorkspaceConditions.Unmet(
                ConditionTypes.NodesReady, "NodeNotReady", "Not enough Nodes are ready" + pressure);
        }

        return demand.NeedsGpus && withGpu < demand.Count
            ? WorkspaceConditions.Unmet(
                ConditionTypes.NodesReady, "NodePluginsNotReady", "waiting all node plugins to be ready" + pressure)
            : WorkspaceConditions.Met(ConditionTypes.NodesReady, "NodesReady", "Enough Nodes are ready" + pressure);
    }

    private static string Pressure(ImmutableArray<Node> nodes)
    {
        var told = nodes
            .Select(n => (n.Metadata.Name, Types: s_pressures.Where(p => Holds(n.Status?.Conditions, p)).ToArray()))
            .Where(static n => n.Types.Length > 0)
            .Select(static n => $"{n.Name} ({string.Join(", ", n.Types)})")
            .ToArray();
        return told.Length == 0 ? "" : $"; warning: worker node(s) under resource pressure: {string.Join("; ", told)}";
    }

    private static Condition Resources(NodeDemand demand, Condition claims, Condition nodes)
    {
        var unmet = claims.Status == Condition.True ? nodes : claims;
        return unmet.Status == Condition.True
            ? WorkspaceConditions.Met(
                ConditionTypes.ResourceReady, $"{demand.Owner}ResourceStatusSuccess", $"{demand.Owner} resource is ready")
            : WorkspaceConditions.Unmet(ConditionTypes.ResourceReady, unmet.Reason, unmet.Message);
    }
}
