using System.Collections.Immutable;
using System.Globalization;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Workspaces;

namespace Kaito.Operator.Nodes;

/// <summary>PURE: which nodes and claims are ready, and the conditions that tell it.</summary>
internal static class NodeReadiness
{
    private static readonly ImmutableArray<string> s_pressures = ["DiskPressure", "MemoryPressure", "PIDPressure"];

    public static bool IsReady(Node node) =>
        node.Metadata.DeletionTimestamp is null && Holds(node.Status?.Conditions, "Ready");

    public static bool IsReady(NodeClaim claim) =>
        claim.Status?.Conditions is { } conditions && conditions.Any(static c => c.Type == "Ready")
            ? Holds(conditions, "Ready")
            : !string.IsNullOrEmpty(claim.Status?.NodeName);

    public static bool Holds(ImmutableArray<StatusCondition>? conditions, string type) =>
        (conditions ?? []).Any(c => c.Type == type && c.Status == "True");

    /// <summary>Whether the node has what a pod of the owner asks for, pods that run there aside.</summary>
    public static bool HasGpus(Node node, NodeDemand demand) => !demand.NeedsGpus
        || (long.TryParse(
            node.Status?.Capacity?.GetValueOrDefault(demand.GpuResource), CultureInfo.InvariantCulture, out var gpus)
            && gpus >= Math.Max(1, demand.Gpus));

    public static bool HasInstanceType(Node node, NodeDemand demand) =>
        node.Metadata.Labels?.GetValueOrDefault(Labels.InstanceType) is { } type
        && demand.InstanceTypes.Contains(type, StringComparer.OrdinalIgnoreCase);

    public static bool HasLabels(Node node, IEnumerable<KeyValuePair<string, string>> labels) =>
        labels.All(l => node.Metadata.Labels?.GetValueOrDefault(l.Key) == l.Value);

    /// <summary>Whether enough nodes are ready, and with GPUs.</summary>
    /// <param name="demand">How many are wanted.</param>
    /// <param name="nodes">Nodes that count, of which those under pressure are told.</param>
    /// <param name="ready">Of them ready.</param>
    /// <param name="withGpus">Of the ready ones with GPUs.</param>
    /// <param name="all">What to say when all are there.</param>
    /// <param name="chosen">The user brought the nodes: none was asked for.</param>
    public static Condition NodesReady(
        NodeDemand demand, ImmutableArray<Node> nodes, int ready, int withGpus, string all = "Enough Nodes are ready",
        bool chosen = false)
    {
        var pressure = Pressure(nodes);
        if (ready < demand.Count)
        {
            return WorkspaceConditions.Unmet(
                ConditionTypes.NodesReady, "NodeNotReady", "Not enough Nodes are ready" + Unready(nodes, chosen) + pressure);
        }

        return demand.NeedsGpus && withGpus < demand.Count
            ? WorkspaceConditions.Unmet(
                ConditionTypes.NodesReady, "NodePluginsNotReady",
                $"waiting all node plugins to be ready{Bare(nodes, demand)}{pressure}")
            : WorkspaceConditions.Met(ConditionTypes.NodesReady, "NodesReady", all + pressure);
    }

    /// <summary>Sums up; of several unmet conditions the first tells why.</summary>
    public static Condition Resources(NodeDemand demand, params ReadOnlySpan<Condition> parts)
    {
        foreach (var part in parts)
        {
            if (part.Status != Condition.True)
            {
                return WorkspaceConditions.Unmet(ConditionTypes.ResourceReady, part.Reason, part.Message);
            }
        }

        return WorkspaceConditions.Met(
            ConditionTypes.ResourceReady, $"{demand.Owner}ResourceStatusSuccess", $"{demand.Owner} resource is ready");
    }

    private static string Unready(ImmutableArray<Node> nodes, bool chosen)
    {
        var told = nodes.Where(static n => !IsReady(n)).Select(static n =>
        {
            var ready = (n.Status?.Conditions ?? []).FirstOrDefault(static c => c.Type == "Ready");
            var why = n.Metadata.DeletionTimestamp is not null ? "is being deleted"
                : ready?.Message is { Length: > 0 } said ? PodDiagnosis.Cut(said) : ready?.Reason ?? "has no condition Ready";
            return $"{n.Metadata.Name} ({why})";
        }).ToArray();
        return told.Length == 0
            ? ""
            : $": {string.Join(", ", told)}" + (chosen ? ""
                : ". Next: repair the node (kubectl describe node), or delete its NodeClaim for another one");
    }

    private static string Bare(ImmutableArray<Node> nodes, NodeDemand demand)
    {
        var told = nodes.Where(n => IsReady(n) && !HasGpus(n, demand)).Select(static n => n.Metadata.Name).ToArray();
        return told.Length == 0
            ? ""
            : $": {string.Join(", ", told)} shows no {demand.GpuResource} for a pod that needs {Math.Max(1, demand.Gpus)}. Next: "
                + "install or repair NVIDIA's device plugin";
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
}
