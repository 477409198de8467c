using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;
using Kaito.Operator.Nodes;

namespace Kaito.Operator.RagEngines;

/// <summary>What the cluster has for one RAGEngine at one moment.</summary>
internal sealed record RagEngineObservation
{
    /// <summary>Nodes, what asks for them, pods and conditions.</summary>
    public NodeObservation ForNodes { get; init; } = new() { Claims = [], Nodes = [], Pods = [], Conditions = [] };

    public Deployment? Workload { get; init; }

    /// <summary>The ConfigMap with the guardrails, where it is asked for.</summary>
    public ConfigMap? Guardrails { get; init; }
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
