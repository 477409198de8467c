using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;

namespace Kaito.Operator.Nodes;

/// <summary>Those who want nodes, and how what belongs to them is known.</summary>
/// <param name="All">The owners.</param>
/// <param name="Pods">Their pods.</param>
/// <param name="Queue">Takes the key of an owner whose nodes changed.</param>
/// <param name="Labels">The labels that name an owner.</param>
/// <param name="Wish">What an owner says of its nodes; as the user wrote it.</param>
/// <param name="Conditions">The owner's conditions.</param>
internal sealed record NodeOwners<T>(
    Informer<T> All, Informer<Pod> Pods, WorkQueue Queue, OwnerLabels Labels, Func<T, ResourceSpec?> Wish,
    Func<T, ImmutableArray<Condition>?> Conditions)
    where T : class, IKubeObject;

/// <summary>What the copies of nodes have for the owners of one kind; a change names the owner.</summary>
internal sealed class NodeWatch<T>
    where T : class, IKubeObject
{
    // No node is called so, and no label.
    private const string Anybody = "*";

    private readonly NodeCopies _copies;
    private readonly NodeOwners<T> _owners;
    private readonly ObjectIndex<T> _wanting;
    private readonly ObjectIndex<Node> _nodesOf;
    private readonly ObjectIndex<Node> _others;
    private readonly ObjectIndex<NodeClaim>? _claimsOf;
    private readonly ObjectIndex<NodePool>? _poolsOf;
    private readonly bool _existing;

    public NodeWatch(NodeCopies copies, NodeOwners<T> owners)
    {
        (_copies, _owners) = (copies, owners);
        _existing = copies.Provisioner == NodeProvisioner.Existing;
        copies.Nodes.Changed += NodeChanged;
        if (copies.Claims is { } claims)
        {
            claims.Changed += Enqueue;
            _claimsOf = claims.Index(Owner);
        }

        if (copies.Pools is { } pools)
        {
            pools.Changed += Enqueue;
            _poolsOf = pools.Index(p => [.. Owner(p), p.Metadata.Name!]);
        }

        if (copies.Classes is { } classes)
        {
            classes.Changed += ClassChanged;
        }

        _wanting = owners.All.Index(o => Marks(owners.Wish(o)));
        _nodesOf = copies.Nodes.Index(Owner);
        _others = copies.Nodes.Index(n => _existing || OwnerLabels.All.All(l => l.Of(n) is null) ? Marks(n) : []);
        copies.CountUsers(owners.Pods, pod => User(Keys.Labelled(pod, owners.Labels.Name).FirstOrDefault() ?? ""));
    }

    /// <summary>What the cluster has for an owner; its pods are not filled in.</summary>
    public NodeObservation Observe(T owner)
    {
        var (key, wish) = (KeyOf(owner), _owners.Wish(owner));
        ImmutableArray<Node> others =
        [
            .. Marks(wish).SelectMany(mark => _others[mark]).DistinctBy(static n => n.Metadata.Name)
                .Where(n => Selects(wish, n)).OrderBy(static n => n.Metadata.Name, StringComparer.Ordinal),
        ];
        return new()
        {
            Claims = _claimsOf?[key] ?? [],
            Nodes = _nodesOf[key],
            Others = others,
            Busy = [.. others.Select(static n => n.Metadata.Name!).Where(n => _copies.IsBusy(n, User(key)))],
            Pools = _poolsOf is null
                ? []
                : [.. _poolsOf[key].Concat(NodePools.Candidates(owner.Metadata).SelectMany(name => _poolsOf[name]))
                    .DistinctBy(static p => p.Metadata.Name).OrderBy(static p => p.Metadata.Name, StringComparer.Ordinal)],
            NodeClasses =
                [.. (_copies.Classes?.All ?? []).OrderBy(static c => c.Metadata.Name, StringComparer.Ordinal)],
            Pods = [],
            Conditions = _owners.Conditions(owner) ?? [],
        };
    }

    /// <summary>Gives an owner's nodes back.</summary>
    /// <returns>The claims and pools that are still there.</returns>
    public async Task<ImmutableArray<IKubeObject>> ReleaseAsync(
        IKubeApi api, T owner, CancellationToken cancellationToken)
    {
        var requests = await RequestsNowAsync(api, owner, cancellationToken);
        foreach (var request in requests.Where(static r => r.Metadata.DeletionTimestamp is null))
        {
            await api.DeleteAsync(request, cancellationToken);
        }

        return requests.IsEmpty ? requests : await RequestsNowAsync(api, owner, cancellationToken);
    }

    // As the API server has them: deletion must not rely on a copy that may be late.
    private async Task<ImmutableArray<IKubeObject>> RequestsNowAsync(
        IKubeApi api, T owner, CancellationToken cancellationToken)
    {
        var (claims, pools) = _owners.Labels.Selectors(owner.Metadata.Namespace, owner.Metadata.Name);
        var requests = ImmutableArray.CreateBuilder<IKubeObject>();
        if (_copies.Pools is not null)
        {
            requests.AddRange((await api.ListAsync(KubeKinds.NodePools, null, pools, cancellationToken)).Items);
            requests.AddRange((await api.ListAsync(_copies.ClaimKind, null, pools, cancellationToken)).Items);
        }

        if (_copies.Claims is not null)
        {
            requests.AddRange((await api.ListAsync(_copies.ClaimKind, null, claims, cancellationToken)).Items);
        }

        return requests.ToImmutable();
    }

    // What an owner that may mean a node has in common with the node: one mark of it is among the node's.
    private IEnumerable<string> Marks(ResourceSpec? wish)
    {
        foreach (var name in wish?.PreferredNodes ?? [])
        {
            yield return name;
        }

        if (LabelsOf(wish) is [var (key, value), ..])
        {
            yield return $"{key}={value}";
        }
        else if (_existing)
        {
            yield return Anybody;
        }
    }

    private static IEnumerable<string> Marks(Node node) =>
        (node.Metadata.Labels ?? ImmutableSortedDictionary<string, string>.Empty)
            .Select(static l => $"{l.Key}={l.Value}").Append(node.Metadata.Name!).Append(Anybody);

    private void NodeChanged(Node node)
    {
        if (_owners.Labels.Of(node) is { } owner)
        {
            _owners.Queue.Add(owner);
            return;
        }

        foreach (var waiting in Marks(node).SelectMany(mark => _wanting[mark]).Where(o => Selects(_owners.Wish(o), node)))
        {
            _owners.Queue.Add(KeyOf(waiting));
        }
    }

    private void ClassChanged(NodeClass changed)
    {
        foreach (var waiting in _owners.All.All.Where(o => (_owners.Conditions(o) ?? [])
            .Any(static c => c is { Type: ConditionTypes.NodeClaimReady, Reason: NodePoolStrategy.ClassNotReady })))
        {
            _owners.Queue.Add(KeyOf(waiting));
        }
    }

    private void Enqueue(IKubeObject item)
    {
        if (_owners.Labels.Of(item) is { } owner)
        {
            _owners.Queue.Add(owner);
        }
    }

    // Whether the user may have meant the node; the parsed owner says it for certain.
    private bool Selects(ResourceSpec? wish, Node node)
    {
        if (wish?.PreferredNodes?.Contains(node.Metadata.Name!) == true)
        {
            return true;
        }

        var labels = LabelsOf(wish);
        return (labels.Length > 0 || _existing) && NodeReadiness.HasLabels(node, labels);
    }

    private static KeyValuePair<string, string>[] LabelsOf(ResourceSpec? wish) =>
    [
        .. (wish?.LabelSelector?.MatchLabels ?? ImmutableSortedDictionary<string, string>.Empty)
            .Where(static l => !Labels.ReservedInSelectors.Contains(l.Key))
            .Concat((wish?.LabelSelector?.MatchExpressions ?? [])
                .Where(static e => e is { Operator: "In", Values: [_], Key: not null })
                .Select(static e => KeyValuePair.Create(e.Key!, e.Values!.Value[0]))),
    ];

    private IEnumerable<string> Owner(IKubeObject item) => _owners.Labels.Of(item) is { } owner ? [owner] : [];

    private string User(string key) => $"{_owners.Labels.Name}:{key}";

    private static string KeyOf(T owner) => Keys.Of(owner.Metadata.Namespace, owner.Metadata.Name!);
}
