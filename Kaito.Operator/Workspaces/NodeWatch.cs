using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;
using Kaito.Operator.Nodes;

namespace Kaito.Operator.Workspaces;

/// <summary>Local copies of the nodes and of what asks for them, as the node provisioner has it.</summary>
internal sealed class NodeWatch
{
    private readonly Informer<WorkspaceResource> _workspaces;
    private readonly Informer<Node> _nodes;
    private readonly Informer<NodeClaim>? _claims;
    private readonly Informer<NodePool>? _pools;
    private readonly Informer<NodeClass>? _classes;
    private readonly WorkQueue _queue;
    private readonly NodeProvisioner _provisioner;

    public NodeWatch(
        IKubeApi api, Informer<WorkspaceResource> workspaces, WorkQueue queue, OperatorOptions options, Watching watching)
    {
        (_workspaces, _queue, _provisioner) = (workspaces, queue, options.NodeProvisioner);
        var karpenter = _provisioner == NodeProvisioner.Karpenter;
        _nodes = Watch(KubeKinds.Nodes, null, NodeChanged);

        // The user's nodes have no label of ours: all are watched, and only what is looked at is kept.
        _nodes.Kept = static n => n with
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
        };
        _claims = _provisioner == NodeProvisioner.Existing
            ? null
            : Watch(KubeKinds.NodeClaims, karpenter ? null : Labels.Workspace, Enqueue);
        _pools = karpenter ? Watch(KubeKinds.NodePools, null, Enqueue) : null;
        _classes = karpenter ? Watch(KubeKinds.NodeClassesOf(options.Karpenter), null, ClassChanged) : null;
        Informers = [.. new IInformer?[] { _nodes, _claims, _pools, _classes }.OfType<IInformer>()];

        Informer<T> Watch<T>(KubeKind<T> kind, string? selector, Action<T> changed)
            where T : class, IKubeObject =>
            new(api, kind, selector, watching.Clock, watching.Logger) { Changed = changed };
    }

    public ImmutableArray<IInformer> Informers { get; }

    /// <summary>The object of the same name in the local copy.</summary>
    public IKubeObject? Find(IKubeObject rendered) => rendered switch
    {
        NodeClaim claim => _claims?.Find(claim.Metadata.Name!),
        NodePool pool => _pools?.Find(pool.Metadata.Name!),
        _ => null,
    };

    /// <summary>The part of a Workspace's observation that is about nodes.</summary>
    public WorkspaceObservation Observe(WorkspaceResource resource, IEnumerable<Pod> pods)
    {
        var owner = (resource.Metadata.Namespace, resource.Metadata.Name);
        var others = _nodes.All.Where(n => _provisioner == NodeProvisioner.Existing
            || (OwnerOf(n) is (null, _) && Selects(resource.Resource, n)));
        ImmutableArray<Node> sorted = [.. others.OrderBy(static n => n.Metadata.Name, StringComparer.Ordinal)];
        var full = $"{resource.Metadata.Namespace}-{resource.Metadata.Name}";
        return new()
        {
            Claims = [.. Sorted(_claims).Where(c => OwnerOf(c) == owner)],
            Nodes = [.. Sorted(_nodes).Where(n => OwnerOf(n) == owner)],
            OtherNodes = sorted,
            BusyNodes = sorted.IsEmpty ? [] : Busy(resource, pods),
            Pools = [.. Sorted(_pools).Where(p => OwnerOf(p) == owner || p.Metadata.Name == full)],
            NodeClasses = [.. Sorted(_classes)],
        };
    }

    /// <summary>
    /// The claims and pools that the API server has now: deletion must not rely on a copy that may be late.
    /// </summary>
    public async Task<ImmutableArray<IKubeObject>> RequestsNowAsync(
        IKubeApi api, WorkspaceResource resource, CancellationToken cancellationToken)
    {
        var (name, space) = (resource.Metadata.Name, resource.Metadata.Namespace);
        var requests = ImmutableArray.CreateBuilder<IKubeObject>();
        if (_pools is not null)
        {
            var selector = $"{Labels.KarpenterWorkspaceName}={name},{Labels.KarpenterWorkspaceNamespace}={space}";
            requests.AddRange((await api.ListAsync(KubeKinds.NodePools, null, selector, cancellationToken)).Items);
            requests.AddRange((await api.ListAsync(KubeKinds.NodeClaims, null, selector, cancellationToken)).Items);
        }

        if (_claims is not null)
        {
            var selector = $"{Labels.Workspace}={name},{Labels.WorkspaceNamespace}={space}";
            requests.AddRange((await api.ListAsync(KubeKinds.NodeClaims, null, selector, cancellationToken)).Items);
        }

        return requests.ToImmutable();
    }

    private static IEnumerable<T> Sorted<T>(Informer<T>? informer)
        where T : class, IKubeObject =>
        (informer?.All ?? []).OrderBy(static o => o.Metadata.Name, StringComparer.Ordinal);

    private static ImmutableHashSet<string> Busy(WorkspaceResource resource, IEnumerable<Pod> pods) =>
    [
        .. pods.Where(p => p.Metadata.Namespace != resource.Metadata.Namespace
                || p.Metadata.Labels?.GetValueOrDefault(Labels.Workspace) != resource.Metadata.Name)
            .Select(static p => p.Spec?.NodeName).OfType<string>(),
    ];

    private void NodeChanged(Node node)
    {
        if (OwnerOf(node) is ({ } space, { } name))
        {
            _queue.Add(Keys.Of(space, name));
            return;
        }

        foreach (var workspace in _workspaces.All.Where(w => Selects(w.Resource, node)))
        {
            _queue.Add(Keys.Of(workspace.Metadata.Namespace, workspace.Metadata.Name!));
        }
    }

    private void ClassChanged(NodeClass changed)
    {
        foreach (var waiting in _workspaces.All.Where(static w => (w.Status?.Conditions ?? [])
            .Any(static c => c is { Type: ConditionTypes.NodeClaimReady, Reason: NodePoolStrategy.ClassNotReady })))
        {
            _queue.Add(Keys.Of(waiting.Metadata.Namespace, waiting.Metadata.Name!));
        }
    }

    private void Enqueue(IKubeObject item)
    {
        if (OwnerOf(item) is ({ } space, { } name))
        {
            _queue.Add(Keys.Of(space, name));
        }
    }

    // Whether the user may have meant the node; the parsed Workspace says it for certain.
    private bool Selects(ResourceSpec? spec, Node node)
    {
        if (spec?.PreferredNodes?.Contains(node.Metadata.Name!) == true)
        {
            return true;
        }

        var labels = (spec?.LabelSelector?.MatchLabels ?? ImmutableSortedDictionary<string, string>.Empty)
            .Where(static l => !Labels.ReservedInSelectors.Contains(l.Key))
            .Concat((spec?.LabelSelector?.MatchExpressions ?? [])
                .Where(static e => e is { Operator: "In", Values: [_], Key: not null })
                .Select(static e => KeyValuePair.Create(e.Key!, e.Values!.Value[0])))
            .ToArray();
        return (labels.Length > 0 || _provisioner == NodeProvisioner.Existing) && NodeReadiness.HasLabels(node, labels);
    }

    private static (string? Namespace, string? Name) OwnerOf(IKubeObject item)
    {
        var labels = item.Metadata.Labels ?? ImmutableSortedDictionary<string, string>.Empty;
        return labels.TryGetValue(Labels.Workspace, out var name)
            ? (labels.GetValueOrDefault(Labels.WorkspaceNamespace), name)
            : (labels.GetValueOrDefault(Labels.KarpenterWorkspaceNamespace),
                labels.GetValueOrDefault(Labels.KarpenterWorkspaceName));
    }

    /// <summary>What every informer needs.</summary>
    internal sealed record Watching(TimeProvider Clock, ILogger Logger);
}
