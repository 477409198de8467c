using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Nodes;

/// <summary>PURE: the nodes that are there, which the user's labels or names select.</summary>
internal static class ExistingNodeStrategy
{
    public static NodePlan Plan(NodeDemand demand, NodeObservation observed)
    {
        var selected = observed.Others.Where(n => Selects(n, demand)).ToImmutableArray();
        var ready = selected.Where(NodeReadiness.IsReady).ToImmutableArray();
        var withGpus = ready.Count(n => NodeReadiness.HasGpus(n, demand));
        var nodesReady = Explained(
            NodeReadiness.NodesReady(demand, selected, ready.Length, withGpus, chosen: true), demand, selected, ready.Length, withGpus);
        return new()
        {
            Nodes = ready,
            Conditions = [nodesReady, NodeReadiness.Resources(demand, nodesReady)],
            Placement = new() { Terms = [.. Terms(demand)], GpuResource = demand.GpuResource, Gpus = demand.Gpus },
        };
    }

    private static bool Selects(Node node, NodeDemand demand) => demand.PreferredNodes.Contains(node.Metadata.Name!)
        || (NodeReadiness.HasLabels(node, demand.Labels)

            // Without labels any node will do that has what pods ask for; the others are nobody's business.
            && (!demand.Labels.IsEmpty || NodeReadiness.HasGpus(node, demand)));

    private static IEnumerable<NodeSelectorTerm> Terms(NodeDemand demand) => demand.Labels.IsEmpty
        ? []
        : demand.PreferredNodes.Select(AdoptedNodes.Named).Prepend(AdoptedNodes.With(demand.Labels));

    private static Condition Explained(
        Condition condition, NodeDemand demand, ImmutableArray<Node> selected, int ready, int withGpus)
    {
        if (condition.Status == Condition.True)
        {
            return condition;
        }

        var next = condition.Reason == "NodePluginsNotReady"
            ? $"; {withGpus} of the {demand.Count} node(s) have {Math.Max(1, demand.Gpus)} {demand.GpuResource}"
            : $"; {ready} of {demand.Count} node(s) are ready, and {selected.Length} match resource.labelSelector "
                + $"({Text(demand)}). Next: label nodes, or repair those that are not ready";
        return condition with { Message = condition.Message + next };
    }

    private static string Text(NodeDemand demand) => demand.Labels.IsEmpty
        ? "which names no label"
        : string.Join(", ", demand.Labels.Select(static l => $"{l.Key}={l.Value}"));
}
