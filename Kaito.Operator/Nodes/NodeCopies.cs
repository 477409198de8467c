using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;

namespace Kaito.Operator.Nodes;

/// <summary>Local copies of the nodes and of what asks for them, as the node provisioner has it; one for all controllers.</summary>
internal sealed class NodeCopies
{
    private readonly List<Func<string, IEnumerable<string>>> _usersOf = [];

    public NodeCopies(IKubeApi api, OperatorOptions options, TimeProvider clock, ILogger<NodeCopies> logger)
    {
        Provisioner = options.NodeProvisioner;
        var karpenter = Provisioner == NodeProvisioner.Karpenter;
        Nodes = new(api, KubeKinds.Nodes, null, clock, logger)
        {
            // The user's nodes have no label of ours: all are watched, and only what is looked at is kept.
            Kept = static n => n with
            {
                Metadata = new()
                {
                    Name = n.Metadata.Name,
                    Uid = n.Metadata.Uid,
                    ResourceVersion = n.Metadata.ResourceVersion,
                    Labels = n.Metadata.Labels,
                    CreationTimestamp = n.Metadata.CreationTimestamp,
                    DeletionTimestamp = n.Metadata.DeletionTimestamp,
                },
            },
        };
        Claims = Provisioner == NodeProvisioner.Existing ? null : new(api, ClaimKind, null, clock, logger)
        {
            Wanted = static claim => OwnerLabels.All.Any(owner => owner.Of(claim) is not null),
        };
        Pools = karpenter ? new(api, KubeKinds.NodePools, null, clock, logger) : null;
        Classes = karpenter ? new(api, KubeKinds.NodeClassesOf(options.Karpenter), null, clock, logger) : null;
        Informers = [.. new IInformer?[] { Nodes, Claims, Pools, Classes }.OfType<IInformer>()];
    }

    public NodeProvisioner Provisioner { get; }

    public Informer<Node> Nodes { get; }

    /// <summary>As what nodes are asked for.</summary>
    public KubeKind<NodeClaim> ClaimKind =>
        Provisioner == NodeProvisioner.Machine ? KubeKinds.Machines : KubeKinds.NodeClaims;

    /// <summary>Null where nodes are not asked for.</summary>
    public Informer<NodeClaim>? Claims { get; }

    /// <summary>Null without Karpenter.</summary>
    public Informer<NodePool>? Pools { get; }

    /// <summary>Null without Karpenter.</summary>
    public Informer<NodeClass>? Classes { get; }

    public ImmutableArray<IInformer> Informers { get; }

    /// <summary>The object of the same name in the local copy.</summary>
    public IKubeObject? Find(IKubeObject rendered) => rendered switch
    {
        NodeClaim claim => Claims?.Find(claim.Metadata.Name!),
        NodePool pool => Pools?.Find(pool.Metadata.Name!),
        _ => null,
    };

    /// <summary>Makes the pods of one kind of owner count as users of the nodes on which they run.</summary>
    /// <param name="pods">The pods.</param>
    /// <param name="user">Names the owner of a pod.</param>
    public void CountUsers(Informer<Pod> pods, Func<Pod, string> user)
    {
        var podsOn = pods.Index(static p => p.Spec?.NodeName is { } node ? [node] : []);
        _usersOf.Add(node => podsOn[node].Select(user));
    }

    /// <summary>Whether pods of somebody else run on a node.</summary>
    public bool IsBusy(string node, string except) => _usersOf.Any(of => of(node).Any(user => user != except));
}

/// <summary>The labels by which objects name one kind of owner.</summary>
/// <param name="Name">Key of the owner's name, on claims and nodes.</param>
/// <param name="Space">Key of its namespace.</param>
/// <param name="PoolName">Key of the owner's name, on NodePools and what they make.</param>
/// <param name="PoolSpace">Key of its namespace there.</param>
internal sealed record OwnerLabels(string Name, string Space, string PoolName, string PoolSpace)
{
    public static OwnerLabels Workspace { get; } = new(
        Labels.Workspace, Labels.WorkspaceNamespace, Labels.KarpenterWorkspaceName, Labels.KarpenterWorkspaceNamespace);

    public static OwnerLabels RagEngine { get; } = new(
        Labels.RagEngine, Labels.RagEngineNamespace, Labels.KarpenterRagEngineName, Labels.KarpenterRagEngineNamespace);

    public static ImmutableArray<OwnerLabels> All { get; } = [Workspace, RagEngine];

    /// <summary>Key of the owner that an object names; null when it names none of this kind.</summary>
    public string? Of(IKubeObject item) =>
        Keys.Labelled(item, Name, Space).Concat(Keys.Labelled(item, PoolName, PoolSpace)).FirstOrDefault();

    /// <summary>Selects what names an owner: first by the labels of claims, then by those of pools.</summary>
    public (string Claims, string Pools) Selectors(string? space, string? name) =>
        ($"{Name}={name},{Space}={space}", $"{PoolName}={name},{PoolSpace}={space}");
}
