using System.Collections.Immutable;
using System.Globalization;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;
using Kaito.Operator.Workspaces;

namespace Kaito.Operator.Nodes;

/// <summary>PURE: one NodeClaim per node, answered by gpu-provisioner.</summary>
internal static class NodeClaimStrategy
{
    public static NodePlan Plan(NodeDemand demand, NodeObservation observed, OperatorOptions options)
    {
        var own = observed.Nodes.Where(NodeReadiness.IsReady).ToImmutableArray();
        var adoption = AdoptedNodes.Of(
            demand, observed, own.Count(n => NodeReadiness.HasInstanceType(n, demand)));
        var bare = own.Count(static n => !IsOfClaim(n));
        var needed = Math.Max(0, demand.Count - bare - adoption.Nodes.Length);
        var live = observed.Claims.Where(static c => c.Metadata.DeletionTimestamp is null).ToImmutableArray();
        var fitting = live.Where(c => ClaimSlots.Fits(c, demand)).ToImmutableArray();
        var missing = ClaimSlots.Missing(demand, observed, needed)
            .Select(m => NodeClaims.Render(demand, m.Name, m.InstanceType, options)).ToImmutableArray();

        var matching = own.Where(n => NodeReadiness.HasInstanceType(n, demand)).ToImmutableArray();
        var withGpus = matching.Where(n => NodeReadiness.HasGpus(n, demand)).ToImmutableArray();
        var enough = fitting.Count(NodeReadiness.IsReady) >= needed;
        var claimsReady = enough
            ? WorkspaceConditions.Met(ConditionTypes.NodeClaimReady, "NodeClaimsReady", "Enough NodeClaims are ready")
            : NodeClaimDiagnosis.Explain(demand, fitting, observed.Conditions, observed.Hung);
        var nodes = observed.Nodes.AddRange(adoption.Nodes);
        var nodesReady = NodeReadiness.NodesReady(
            demand, nodes, enough ? matching.Length + adoption.Nodes.Length : 0,
            withGpus.Length + adoption.Nodes.Length);

        // Nodes of another instance type serve until those of the right one can.
        var surplus = nodesReady.Status == Condition.True
            ? live.Except(fitting).Concat(Dispensable(demand, observed, fitting, needed)).ToImmutableArray()
            : live.Where(c => observed.Hung.Contains(c.Metadata.Name!) && !NodeReadiness.IsReady(c)).ToImmutableArray();
        return new()
        {
            Missing = [.. missing],
            Surplus = [.. surplus],
            Unmarked = [.. withGpus.Where(n => demand.NeedsGpus && !n.Metadata.Labels!.ContainsKey(Labels.Accelerator))],
            Nodes = nodes,
            Conditions = [claimsReady, nodesReady, NodeReadiness.Resources(demand, claimsReady, nodesReady)],
            Placement = new()
            {
                Terms =
                [
                    AdoptedNodes.With(demand.Labels.Concat(demand.OwnerLabels)),
                    .. adoption.Allowed ? AdoptedNodes.Terms(demand) : [],
                ],
                GpuResource = demand.GpuResource,
                Gpus = demand.Gpus,
            },
            Events = [.. Events(demand, missing, surplus)],
        };
    }

    private static bool IsOfClaim(Node node) =>
        node.Metadata.Labels is { } labels && (labels.ContainsKey(Labels.NodePool) || labels.ContainsKey(Labels.ProvisionerName));

    // Those first whose loss costs least: not ready, then without a pod that stays, then the youngest. A node with such a
    // pod goes only when fewer nodes are wanted than before, not because others could serve too.
    private static IEnumerable<NodeClaim> Dispensable(
        NodeDemand demand, NodeObservation observed, ImmutableArray<NodeClaim> fitting, int needed)
    {
        var staying = Enumerable.Range(0, demand.Count)
            .Select(ordinal => string.Create(CultureInfo.InvariantCulture, $"{demand.Name}-{ordinal}")).ToHashSet();
        var busy = observed.Pods.Where(p => staying.Contains(p.Metadata.Name ?? ""))
            .Select(static p => p.Spec?.NodeName).OfType<string>().ToHashSet();
        return fitting
            .OrderBy(static c => NodeReadiness.IsReady(c))
            .ThenBy(c => busy.Contains(c.Status?.NodeName ?? ""))
            .ThenByDescending(static c => c.Metadata.CreationTimestamp)
            .ThenByDescending(static c => c.Metadata.Name, StringComparer.Ordinal)
            .Take(fitting.Length - needed)
            .Where((c, index) => index < fitting.Length - demand.Count || !busy.Contains(c.Status?.NodeName ?? ""));
    }

    private static IEnumerable<Occurrence> Events(
        NodeDemand demand, ImmutableArray<NodeClaim> missing, ImmutableArray<NodeClaim> surplus)
    {
        foreach (var claim in missing)
        {
            yield return new(
                false, "NodeClaimCreated", $"Successfully created {claim.Kind} {claim.Metadata.Name} for {demand.Owner} "
                + $"{demand.Namespace}/{demand.Name}");
        }

        foreach (var claim in surplus)
        {
            yield return new(false, "NodeClaimReleased", $"{claim.Kind} {claim.Metadata.Name} is no longer needed");
        }
    }
}
