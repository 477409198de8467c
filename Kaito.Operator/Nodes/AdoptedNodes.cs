using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Nodes;

/// <summary>PURE: nodes of the user's own that serve beside, or instead of, those that are asked for.</summary>
internal static class AdoptedNodes
{
    private static readonly ImmutableArray<string> s_owned =
        [Labels.Workspace, Labels.RagEngine, Labels.KarpenterWorkspaceName, Labels.KarpenterRagEngineName];

    /// <summary>
    /// Those that can run the owner's pods now. None while the pods were made without them in mind: changing what pods say
    /// restarts them, which is only worth it while they wait for nodes anyway.
    /// </summary>
    /// <param name="demand">Who wants nodes.</param>
    /// <param name="observed">What there is.</param>
    /// <param name="own">Nodes that were made for the owner and are ready.</param>
    public static Adoption Of(NodeDemand demand, NodeObservation observed, int own)
    {
        var able = observed.Others
            .Where(n => NodeReadiness.IsReady(n) && !observed.Busy.Contains(n.Metadata.Name!)
                && Matches(n, demand) && NodeReadiness.HasGpus(n, demand))
            .ToImmutableArray();
        return observed.Terms.Length > 1 || (able.Length > 0 && own < demand.Count) ? new(able, true) : new([], false);
    }

    /// <summary>Whether a node is of the kind that the user offers to the owner, whoever uses it.</summary>
    public static bool Matches(Node node, NodeDemand demand) =>
        !s_owned.Any(key => node.Metadata.Labels?.ContainsKey(key) == true)
        && (demand.PreferredNodes.Contains(node.Metadata.Name!)
            || (!demand.Labels.IsEmpty && NodeReadiness.HasLabels(node, demand.Labels)
                && NodeReadiness.HasInstanceType(node, demand)));

    /// <summary>What a pod says so that it may run on such nodes.</summary>
    public static IEnumerable<NodeSelectorTerm> Terms(NodeDemand demand)
    {
        if (!demand.Labels.IsEmpty)
        {
            yield return new()
            {
                MatchExpressions =
                [
                    .. demand.Labels.Select(static l => In(l.Key, l.Value)),
                    new() { Key = Labels.InstanceType, Operator = "In", Values = demand.InstanceTypes },
                    .. s_owned.Select(static key => new NodeSelectorRequirement { Key = key, Operator = "DoesNotExist" }),
                ],
            };
        }

        foreach (var name in demand.PreferredNodes)
        {
            yield return Named(name);
        }
    }

    /// <summary>The node of this name, whatever its labels.</summary>
    public static NodeSelectorTerm Named(string node) => new() { MatchFields = [In("metadata.name", node)] };

    /// <summary>The nodes with these labels.</summary>
    public static NodeSelectorTerm With(IEnumerable<KeyValuePair<string, string>> labels) =>
        new() { MatchExpressions = [.. labels.Select(static l => In(l.Key, l.Value))] };

    private static NodeSelectorRequirement In(string key, string value) =>
        new() { Key = key, Operator = "In", Values = [value] };
}

/// <summary>The user's nodes that count.</summary>
/// <param name="Nodes">Ready, with GPUs, and used by nobody else.</param>
/// <param name="Allowed">Pods may run on such nodes.</param>
internal sealed record Adoption(ImmutableArray<Node> Nodes, bool Allowed);
