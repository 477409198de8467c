using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Hardware;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;
using Kaito.Operator.Models;
using Kaito.Operator.Nodes;

namespace Kaito.Operator.Workspaces;

/// <summary>What the cluster has for one Workspace at one moment.</summary>
internal sealed record WorkspaceObservation
{
    public ImmutableArray<NodeClaim> Claims { get; init; } = [];

    /// <summary>Nodes with the Workspace's labels, ready or not.</summary>
    public ImmutableArray<Node> Nodes { get; init; } = [];

    /// <summary>See <see cref="NodeObservation.Others"/>.</summary>
    public ImmutableArray<Node> OtherNodes { get; init; } = [];

    /// <summary>See <see cref="NodeObservation.Busy"/>.</summary>
    public ImmutableHashSet<string> BusyNodes { get; init; } = [];

    /// <summary>See <see cref="NodeObservation.Refused"/>.</summary>
    public ImmutableHashSet<string> RefusedClaims { get; init; } = [];

    /// <summary>See <see cref="NodeObservation.Hung"/>.</summary>
    public ImmutableHashSet<string> HungClaims { get; init; } = [];

    /// <summary>What the cluster says of pods that do not come; the newest first.</summary>
    public ImmutableArray<KubeEvent> Warnings { get; init; } = [];

    /// <summary>See <see cref="NodeObservation.Pools"/>.</summary>
    public ImmutableArray<NodePool> Pools { get; init; } = [];

    public ImmutableArray<NodeClass> NodeClasses { get; init; } = [];

    public StatefulSet? Workload { get; init; }

    /// <summary>Whether the API server knows PodDisruptionBudgets, as those from Kubernetes 1.21 on do.</summary>
    public bool HasBudgets { get; init; } = true;

    /// <summary>The tuning Job.</summary>
    public Job? Job { get; init; }

    public ImmutableArray<Pod> Pods { get; init; } = [];

    public WorkspaceStatus? Status { get; init; }

    /// <summary>The Workspace as it was worked on last, when it has been changed since; null when it has not.</summary>
    public WorkspaceResource? Before { get; init; }

    public NodeObservation ForNodes => new()
    {
        Claims = Claims,
        Nodes = Nodes,
        Pods = Pods,
        Conditions = Status?.Conditions ?? [],
        Others = OtherNodes,
        Busy = BusyNodes,
        Refused = RefusedClaims,
        Hung = HungClaims,
        Pools = Pools,
        NodeClasses = NodeClasses,
        Terms = Workload?.Spec?.Template?.Spec?.Affinity?.NodeAffinity?
            .RequiredDuringSchedulingIgnoredDuringExecution?.NodeSelectorTerms ?? [],
    };

    /// <summary>What the nodes tell of their GPUs.</summary>
    public ImmutableArray<ExistingNode> ExistingNodes =>
    [
        .. OtherNodes.Where(static n => n.Metadata.DeletionTimestamp is null).Select(static n => new ExistingNode(
            n.Metadata.Name!, NodeReadiness.IsReady(n),
            n.Metadata.Labels ?? ImmutableSortedDictionary<string, string>.Empty)),
    ];

    /// <summary>What is known of a model that the catalogue lacks; null when it has it.</summary>
    public ModelAnswer? Model { get; init; }

    /// <summary>The ConfigMap that <c>inference.config</c> or <c>tuning.config</c> names.</summary>
    public ConfigMap? UserConfig { get; init; }

    /// <summary>The StorageClass of local NVMe disks; null when the cluster has none, or it was not asked.</summary>
    public string? NvmeClass { get; init; }

    public ImmutableArray<ControllerRevision> Revisions { get; init; } = [];

    /// <summary>What the Workspace owns: StatefulSets, Jobs, Services, budgets and ConfigMaps with its uid as owner.</summary>
    public ImmutableArray<IKubeObject> Owned { get; init; } = [];
}

/// <summary>What should be.</summary>
internal sealed record WorkspacePlan
{
    /// <summary>Objects to apply, in this order.</summary>
    public ImmutableArray<IKubeObject> Apply { get; init; } = [];

    /// <summary>The Workspace's own objects that are no longer wanted.</summary>
    public ImmutableArray<IKubeObject> Remove { get; init; } = [];

    /// <summary>Annotations of the Workspace.</summary>
    public ImmutableSortedDictionary<string, string> Annotations { get; init; } =
        ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Nodes that lack the label that says their GPUs work.</summary>
    public ImmutableArray<Node> MarkNodes { get; init; } = [];

    /// <summary>Without generation and time, which the writer adds.</summary>
    public ImmutableArray<Condition> Conditions { get; init; } = [];

    public string State { get; init; } = WorkspaceStates.Pending;

    public int? TargetNodes { get; init; }

    public ImmutableArray<string> WorkerNodes { get; init; } = [];

    public ImmutableArray<Occurrence> Events { get; init; } = [];

    /// <summary>The result of the start-up benchmark is in the log of the first pod, and was not read yet.</summary>
    public bool BenchmarkDue { get; init; }

    /// <summary>How the model's weights are quantised; null where they are not.</summary>
    public string? Quantization { get; init; }

    /// <summary>The image of the workload, which the benchmark measures; null while there is none.</summary>
    public string? Image { get; init; }

    /// <summary>What the benchmark measured; null to leave what is recorded of the image.</summary>
    public PerformanceStatus? Performance { get; init; }
}
