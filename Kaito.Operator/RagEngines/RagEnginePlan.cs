using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;
using Kaito.Operator.Nodes;

namespace Kaito.Operator.RagEngines;

/// <summary>What the cluster has for one RAGEngine at one moment.</summary>
internal sealed record RagEngineObservation
{
    public ImmutableArray<NodeClaim> Claims { get; init; } = [];

    /// <summary>Nodes with the RAGEngine's labels, ready or not.</summary>
    public ImmutableArray<Node> Nodes { get; init; } = [];

    /// <summary>See <see cref="NodeObservation.Others"/>.</summary>
    public ImmutableArray<Node> OtherNodes { get; init; } = [];

    public Deployment? Workload { get; init; }

    public ImmutableArray<Pod> Pods { get; init; } = [];

    public RagEngineStatus? Status { get; init; }

    /// <summary>The ConfigMap with the guardrails, where it is asked for.</summary>
    public ConfigMap? Guardrails { get; init; }

    public NodeObservation ForNodes => new()
    {
        Claims = Claims,
        Nodes = Nodes,
        Pods = Pods,
        Conditions = Status?.Conditions ?? [],
        Others = OtherNodes,
    };
}

/// <summary>What should be.</summary>
internal sealed record RagEnginePlan
{
    /// <summary>Objects to apply, in this order.</summary>
    public ImmutableArray<IKubeObject> Apply { get; init; } = [];

    /// <summary>What asks for nodes that are no longer needed.</summary>
    public ImmutableArray<IKubeObject> Remove { get; init; } = [];

    /// <summary>Nodes that lack the label that says their GPUs work.</summary>
    public ImmutableArray<Node> MarkNodes { get; init; } = [];

    /// <summary>Without generation and time, which the writer adds.</summary>
    public ImmutableArray<Condition> Conditions { get; init; } = [];

    public ImmutableArray<string> WorkerNodes { get; init; } = [];

    public ImmutableArray<Occurrence> Events { get; init; } = [];
}
