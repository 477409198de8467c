using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;
using Kaito.Operator.Nodes;

namespace Kaito.Operator.Workspaces;

/// <summary>Local copies of the nodes and of what asks for them, as the node provisioner has it.</summary>
internal sealed class NodeWatch
{
    // No node is called so, and no label.
    private const string Anybody = "*";

    private readonly Informer<WorkspaceResource> _workspaces;
    private readonly Informer<Node> _nodes;
    private readonly Informer<NodeClaim>? _claims;
    private readonly Informer<NodePool>? _pools;
    private readonly Informer<NodeClass>? _classes;
    private readonly ObjectIndex<WorkspaceResource> _wanting;
    private readonly ObjectIndex<Node> _nodesOf;
    private readonly ObjectIndex<Node> _others;
    private readonly ObjectIndex<Pod> _podsOn;
    private readonly ObjectIndex<NodeClaim>? _claimsOf;
    private readonly ObjectIndex<NodePool>? _poolsOf;
    private readonly WorkQueue _queue;
    private readonly NodeProvisioner _provisioner;

    public NodeWatch(
        IKubeApi api, Informer<WorkspaceResource> workspaces, Informer<Pod> pods, WorkQueue queue,
        OperatorOptions options, Watching watching)
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
        _wanting = workspaces.Index(w => Marks(w.Resource));
        _podsOn = pods.Index(static p => p.Spec?.NodeName is { } node ? [node] : []);
        _nodesOf = _nodes.Index(Owner);
        _others = _nodes.Index(n => _provisioner == NodeProvisioner.Existing || OwnerOf(n) is (null, _) ? Marks(n) : []);
        _claimsOf = _claims?.Index(Owner);
        _poolsOf = _pools?.Index(static p => [.. Owner(p), p.Metadata.Name!]);
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
    public WorkspaceObservation Observe(WorkspaceResource resource)
    {
        var key = Keys.Of(resource.Metadata.Namespace, resource.Metadata.Name!);
        ImmutableArray<Node> others =
        [
            .. Marks(resource.Resource).SelectMany(mark => _others[mark]).DistinctBy(static n => n.Metadata.Name)
                .Where(n => Selects(resource.Resource, n)).OrderBy(static n => n.Metadata.Name, StringComparer.Ordinal),
        ];
        var full = $"{resource.Metadata.Namespace}-{resource.Metadata.Name}";
        return new()
        {
            Claims = _claimsOf?[key] ?? [],
            Nodes = _nodesOf[key],
            OtherNodes = others,
            BusyNodes = [.. others.Select(static n => n.Metadata.Name!).Where(n => IsBusy(n, key))],
            Pools = _poolsOf is null
                ? []
                : [.. _poolsOf[key].Concat(_poolsOf[full]).DistinctBy(static p => p.Metadata.Name)
                    .OrderBy(static p => p.Metadata.Name, StringComparer.Ordinal)],
            NodeClasses = [.. (_classes?.All ?? []).OrderBy(static c => c.Metadata.Name, StringComparer.Ordinal)],
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

    // What a Workspace that may mean a node has in common with the node: one mark of it is among the node's.
    private IEnumerable<string> Marks(ResourceSpec? spec)
    {
        foreach (var name in spec?.PreferredNodes ?? [])
        {
            yield return name;
        }

        if (LabelsOf(spec) is [var (key, value), ..])
        {
            yield return $"{key}={value}";
        }
        else if (_provisioner == NodeProvisioner.Existing)
        {
            yield return Anybody;
        }
    }

    private static IEnumerable<string> Marks(Node node) =>
        (node.Metadata.Labels ?? ImmutableSortedDictionary<string, string>.Empty)
            .Select(static l => $"{l.Key}={l.Value}").Append(node.Metadata.Name!).Append(Anybody);

    private bool IsBusy(string node, string except) => _podsOn[node].Any(
        p => !Keys.Labelled(p, Labels.Workspace).Contains(except));

    private void NodeChanged(Node node)
    {
        if (OwnerOf(node) is ({ } space, { } name))
        {
            _queue.Add(Keys.Of(space, name));
            return;
        }

        foreach (var workspace in Marks(node).SelectMany(mark => _wanting[mark]).Where(w => Selects(w.Resource, node)))
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

        var labels = LabelsOf(spec);
        return (labels.Length > 0 || _provisioner == NodeProvisioner.Existing) && NodeReadiness.HasLabels(node, labels);
    }

    private static KeyValuePair<string, string>[] LabelsOf(ResourceSpec? spec) =>
    [
        .. (spec?.LabelSelector?.MatchLabels ?? ImmutableSortedDictionary<string, string>.Empty)
            .Where(static l => !Labels.ReservedInSelectors.Contains(l.Key))
            .Concat((spec?.LabelSelector?.MatchExpressions ?? [])
                .Where(static e => e is { Operator: "In", Values: [_], Key: not null })
                .Select(static e => KeyValuePair.Create(e.Key!, e.Values!.Value[0]))),
    ];

    private static IEnumerable<string> Owner(IKubeObject item) =>
        OwnerOf(item) is ({ } space, { } name) ? [Keys.Of(space, name)] : [];

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
