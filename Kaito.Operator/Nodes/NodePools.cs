using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Nodes;

/// <summary>PURE: a request for a number of like nodes.</summary>
internal static class NodePools
{
    private const int MaxName = 63;
    private const int HashLength = 9;

    /// <summary>
    /// Name of the owner's pool: the one that it has, else its namespace and name, else (where that is too long, or the
    /// pool of another, as <c>a-b/c</c> and <c>a/b-c</c> would share one) the same cut and with a hash.
    /// </summary>
    public static string Name(NodeDemand demand, ImmutableArray<NodePool> pools)
    {
        if (pools.FirstOrDefault(p => IsOwn(p, demand)) is { Metadata.Name: { } own })
        {
            return own;
        }

        var full = Full(demand.Namespace, demand.Name, demand.Owner == NodeDemand.RagEngine);
        if (full.Length <= MaxName && !pools.Any(p => p.Metadata.Name == full))
        {
            return full;
        }

        var unique = full.Length <= MaxName ? $"{demand.Owner}/{demand.Namespace}/{demand.Name}" : full;
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(unique)))[..HashLength];
        return $"{full[..Math.Min(full.Length, MaxName - HashLength - 1)]}-{hash}";
    }

    /// <summary>Names that the pool of an owner may have, or that of another owner which it must not take.</summary>
    public static IEnumerable<string> Candidates(ObjectMeta owner) =>
        [Full(owner.Namespace!, owner.Name!, false), Full(owner.Namespace!, owner.Name!, true)];

    private static string Full(string space, string name, bool rag) => $"{space}-{name}{(rag ? "-rag" : "")}";

    public static bool IsOwn(NodePool pool, NodeDemand demand) =>
        demand.PoolLabels.All(l => pool.Metadata.Labels?.GetValueOrDefault(l.Key) == l.Value);

    /// <param name="demand">Who wants nodes.</param>
    /// <param name="name">Name of the pool.</param>
    /// <param name="replicas">Number of nodes.</param>
    /// <param name="nodeClass">Name of the NodeClass.</param>
    /// <param name="options">Kind of the NodeClass.</param>
    public static NodePool Render(
        NodeDemand demand, string name, int replicas, string nodeClass, KarpenterOptions options) => new()
        {
            Metadata = new()
            {
                Name = name,
                Labels = demand.PoolLabels.Add(Labels.KarpenterManagedBy, "kaito").SetItems(demand.SetLabels),
            },
            Spec = new()
            {
                Replicas = replicas,
                Template = new()
                {
                    Metadata = new()
                    {
                        Labels = demand.Labels.SetItems(demand.PoolLabels).SetItems(demand.SetLabels),
                    },
                    Spec = new()
                    {
                        NodeClassRef = new() { Group = options.Group, Kind = options.Kind, Name = nodeClass },
                        Requirements = [.. Requirements(demand, options)],
                        Taints = [new() { Key = "sku", Value = "gpu", Effect = "NoSchedule" }],
                    },
                },
                Disruption = new()
                {
                    ConsolidateAfter = "0s",
                    Budgets = [new() { Nodes = demand.SetLabels.IsEmpty ? "1" : "0", Reasons = ["Drifted"] }],
                },
            },
        };

    private static IEnumerable<NodeSelectorRequirement> Requirements(NodeDemand demand, KarpenterOptions options)
    {
        yield return new() { Key = Labels.InstanceType, Operator = "In", Values = demand.InstanceTypes };
        if (options.Group == "karpenter.azure.com")
        {
            yield return new() { Key = "karpenter.azure.com/placement-scope", Operator = "In", Values = ["regional"] };
        }
    }
}
