using System.Collections.Immutable;
using Kaito.Core;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Core.Workspaces;

namespace Kaito.Operator.Nodes;

/// <summary>The nodes that somebody wants, whoever it is.</summary>
internal sealed record NodeDemand
{
    /// <summary><see cref="Owner"/> of a RAGEngine.</summary>
    public const string RagEngine = "ragengine";

    /// <summary>Kind of the owner in words for people, e.g. <c>workspace</c>; also the first word of reasons.</summary>
    public required string Owner { get; init; }

    public required string Namespace { get; init; }

    public required string Name { get; init; }

    public required string Uid { get; init; }

    /// <summary>Labels that name the owner, on claims and so on nodes.</summary>
    public required ImmutableSortedDictionary<string, string> OwnerLabels { get; init; }

    /// <summary>The user's labels without reserved keys.</summary>
    public required ImmutableSortedDictionary<string, string> Labels { get; init; }

    /// <summary>Empty where nodes are not asked for.</summary>
    public required string InstanceType { get; init; }

    /// <summary>Asked for when the cloud has none of the first, in this order.</summary>
    public ImmutableArray<string> FallbackInstanceTypes { get; init; } = [];

    /// <summary>First choice first.</summary>
    public ImmutableArray<string> InstanceTypes =>
        InstanceType.Length == 0 ? [] : [InstanceType, .. FallbackInstanceTypes];

    /// <summary>Names of nodes that may be used although they lack the labels.</summary>
    public ImmutableArray<string> PreferredNodes { get; init; } = [];

    /// <summary>Labels that name the owner, on NodePools and so on their claims and nodes.</summary>
    public ImmutableSortedDictionary<string, string> PoolLabels { get => field ?? OwnerLabels; init; }

    /// <summary>Further labels of the NodePool of an InferenceSet's replica.</summary>
    public ImmutableSortedDictionary<string, string> SetLabels { get; init; } =
        ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Karpenter's NodeClass; null for the operator's default one.</summary>
    public string? NodeClass { get; init; }

    /// <summary>At least 1.</summary>
    public required int Count { get; init; }

    /// <summary>Of each node.</summary>
    public required ByteSize Disk { get; init; }

    /// <summary><c>ubuntu</c> or <c>azurelinux</c>; null for the operator's own choice.</summary>
    public string? ImageFamily { get; init; }

    /// <summary><c>nvidia.com/gpu</c>, or <c>nvidia.com/mig-</c> and the profile.</summary>
    public string GpuResource { get; init; } = PodPlacement.Gpu;

    /// <summary>GPUs, or slices of one, of each pod; 0 for a pod without.</summary>
    public int Gpus { get; init; }

    /// <summary>Whether the nodes must show GPUs before anything runs on them.</summary>
    public bool NeedsGpus { get; init; } = true;

    public static NodeDemand Of(Workspace workspace) => new()
    {
        Owner = "workspace",
        Namespace = workspace.Namespace,
        Name = workspace.Name,
        Uid = workspace.Uid,
        OwnerLabels = ImmutableSortedDictionary<string, string>.Empty
            .Add(Core.Api.Labels.Workspace, workspace.Name)
            .Add(Core.Api.Labels.WorkspaceNamespace, workspace.Namespace),
        Labels = workspace.NodeLabels,
        InstanceType = workspace.InstanceType,
        FallbackInstanceTypes = workspace.FallbackInstanceTypes,
        PreferredNodes = workspace.PreferredNodes,
        PoolLabels = ImmutableSortedDictionary<string, string>.Empty
            .Add(Core.Api.Labels.KarpenterWorkspaceName, workspace.Name)
            .Add(Core.Api.Labels.KarpenterWorkspaceNamespace, workspace.Namespace),
        SetLabels = OfSet(workspace),
        NodeClass = workspace.NodeClass,
        Count = workspace.Nodes,
        Disk = workspace.Disk,
        ImageFamily = workspace.NodeImageFamily,
        GpuResource = workspace.GpuResource,
        Gpus = workspace.Sku.Gpus,
        NeedsGpus = workspace.Sku.Gpus > 0,
    };

    private static ImmutableSortedDictionary<string, string> OfSet(Workspace workspace) =>
        workspace.InheritedLabels.GetValueOrDefault(Core.Api.Labels.CreatedByInferenceSet) is { Length: > 0 } set
            ? ImmutableSortedDictionary<string, string>.Empty
                .Add(Core.Api.Labels.KarpenterInferenceSet, set)
                .Add(Core.Api.Labels.KarpenterInferenceSetNamespace, workspace.Namespace)
            : ImmutableSortedDictionary<string, string>.Empty;
}

/// <summary>What the cluster has for a demand.</summary>
internal sealed record NodeObservation
{
    public required ImmutableArray<NodeClaim> Claims { get; init; }

    /// <summary>Nodes with the owner's labels, ready or not.</summary>
    public required ImmutableArray<Node> Nodes { get; init; }

    /// <summary>Nodes that were made for nobody; all that there are, where nodes are not asked for.</summary>
    public ImmutableArray<Node> Others { get; init; } = [];

    /// <summary>Names of nodes on which pods of other owners run.</summary>
    public ImmutableHashSet<string> Busy { get; init; } = [];

    /// <summary>What the pods of the workload that is there say of nodes.</summary>
    public ImmutableArray<NodeSelectorTerm> Terms { get; init; } = [];

    /// <summary>Names of claims that the cloud took away unserved a short time ago.</summary>
    public ImmutableHashSet<string> Refused { get; init; } = [];

    /// <summary>Names of claims that nobody has made ready for too long.</summary>
    public ImmutableHashSet<string> Hung { get; init; } = [];

    /// <summary>The owner's NodePools, and those of others that have names like them.</summary>
    public ImmutableArray<NodePool> Pools { get; init; } = [];

    /// <summary>Karpenter's NodeClasses.</summary>
    public ImmutableArray<NodeClass> NodeClasses { get; init; } = [];

    /// <summary>The owner's pods.</summary>
    public required ImmutableArray<Pod> Pods { get; init; }

    /// <summary>The owner's conditions as they were written last.</summary>
    public required ImmutableArray<Condition> Conditions { get; init; }
}
