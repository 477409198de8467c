using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;
using Kaito.Operator.Nodes;
using Kaito.Operator.Workspaces;

namespace Kaito.Operator.InferenceSets;

/// <summary>Local copies of the sets and of their Workspaces; a change of either names the set.</summary>
internal sealed class InferenceSetObserver : IDisposable
{
    private readonly Informer<InferenceSetResource> _sets;
    private readonly Informer<WorkspaceResource> _workspaces;
    private readonly ObjectIndex<WorkspaceResource> _workspacesOf;
    private readonly WorkspaceObserver _parts;
    private readonly ObjectIndex<NodePool>? _poolsOf;
    private readonly ObjectIndex<NodeClaim>? _claimsOf;

    public InferenceSetObserver(
        IKubeApi api, Informer<WorkspaceResource> workspaces, WorkspaceObserver parts, NodeCopies nodes,
        TimeProvider clock, ILogger<InferenceSetObserver> logger)
    {
        Queue = new(clock);
        _poolsOf = nodes.Pools?.Index(OfSet);
        _claimsOf = nodes.Claims?.Index(
            static c => c.Metadata.Labels?.GetValueOrDefault(Labels.NodePool) is { } pool ? [pool] : []);
        if (nodes is { Pools: not null, Claims: { } claims })
        {
            claims.Changed += claim => OfSet(claim).ToList().ForEach(Queue.Add);
        }

        _parts = parts;
        _workspaces = workspaces;
        _workspacesOf = workspaces.Index(Keys.Owners);
        _workspaces.Changed += workspace =>
        {
            if (SetOf(workspace) is { } name)
            {
                Queue.Add(Keys.Of(workspace.Metadata.Namespace, name));
            }
        };
        _sets = new(api, KubeKinds.InferenceSets, null, clock, logger)
        {
            IsOptional = true,
            Changed = set => Queue.Add(Keys.Of(set.Metadata.Namespace, set.Metadata.Name!)),
        };
    }

    public WorkQueue Queue { get; }

    public ImmutableArray<IInformer> Informers => [_sets, _workspaces];

    public IEnumerable<InferenceSetResource> All => _sets.All;

    public InferenceSetResource? Find(string key) => _sets.Find(key);

    /// <summary>The Workspace of a name in the set's namespace, whoever made it.</summary>
    public WorkspaceResource? FindReplica(InferenceSetResource set, string name) =>
        _workspaces.Find(Keys.Of(set.Metadata.Namespace, name));

    /// <summary>The Workspaces that the set made, by name; not those that only carry its label.</summary>
    public ImmutableArray<WorkspaceResource> WorkspacesOf(InferenceSetResource set) =>
    [
        .. _workspacesOf[set.Metadata.Uid ?? ""]
            .Where(w => SetOf(w) == set.Metadata.Name && w.Metadata.Namespace == set.Metadata.Namespace),
    ];

    /// <summary>See <see cref="ReplicaFacts.NewerTags"/>.</summary>
    public ImmutableDictionary<string, string> NewerTags(
        ImmutableArray<WorkspaceResource> workspaces, OperatorOptions options) => workspaces
        .Select(w => (w.Metadata.Name, Tag: ServingImages.NewerTag(_parts.FindWorkload(w), options)))
        .Where(static w => w.Tag is not null)
        .ToImmutableDictionary(static w => w.Name!, static w => w.Tag!);

    /// <summary>The NodePools of a set's replicas, by name; none without Karpenter.</summary>
    public ImmutableArray<ReplicaPool> PoolsOf(InferenceSetResource set, ImmutableArray<WorkspaceResource> workspaces) =>
    [
        .. (_poolsOf?[Keys.Of(set.Metadata.Namespace, set.Metadata.Name!)] ?? []).Select(pool => new ReplicaPool(
            pool,
            _claimsOf![pool.Metadata.Name!].Any(ReplicaDrift.IsDrifted),
            workspaces.Any(w => w.Metadata.Name == pool.Metadata.Labels?.GetValueOrDefault(Labels.KarpenterWorkspaceName)
                && InferenceSetPlanner.IsReady(w)))),
    ];

    public void Dispose() => Queue.Dispose();

    private static IEnumerable<string> OfSet(IKubeObject item) =>
        Keys.Labelled(item, Labels.KarpenterInferenceSet, Labels.KarpenterInferenceSetNamespace);

    private static string? SetOf(WorkspaceResource workspace) =>
        workspace.Metadata.Labels?.GetValueOrDefault(Labels.CreatedByInferenceSet);
}
