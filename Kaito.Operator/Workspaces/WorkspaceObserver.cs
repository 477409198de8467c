using System.Collections.Immutable;
using System.Text.Json;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Core.Workspaces;
using Kaito.Operator.Cluster;
using Kaito.Operator.Nodes;

namespace Kaito.Operator.Workspaces;

/// <summary>
/// Local copies of everything a Workspace's reconcile looks at; a change of any of it names the Workspace.
/// </summary>
internal sealed class WorkspaceObserver
{
    /// <summary>StorageClass of the nodes' local NVMe disks, which upstream's chart brings.</summary>
    public const string NvmeClass = "kaito-local-nvme-disk";

    private readonly IKubeApi _api;
    private readonly Informer<WorkspaceResource> _workspaces;
    private readonly NodeCopies _copies;
    private readonly NodeWatch<WorkspaceResource> _nodes;
    private readonly Informer<StatefulSet> _workloads;
    private readonly Informer<Job> _jobs;
    private readonly Informer<PodDisruptionBudget> _budgets;
    private readonly Informer<Pod> _pods;
    private readonly Informer<Service> _services;
    private readonly Informer<ConfigMap> _maps;
    private readonly Informer<ControllerRevision> _revisions;
    private readonly ObjectIndex<WorkspaceResource> _byConfig;
    private readonly ObjectIndex<Pod> _podsOf;
    private readonly ObjectIndex<ControllerRevision> _revisionsOf;
    private readonly ImmutableArray<Func<string, IEnumerable<IKubeObject>>> _ownedBy;

    public WorkspaceObserver(
        IKubeApi api, Informer<WorkspaceResource> workspaces, NodeCopies nodes, WorkQueue queue, TimeProvider clock,
        ILogger<WorkspaceObserver> logger)
    {
        _api = api;
        _workspaces = workspaces;
        _workspaces.Changed += changed => queue.Add(Keys.Of(changed.Metadata.Namespace, changed.Metadata.Name!));
        _byConfig = _workspaces.Index(
            static w => ConfigOf(w) is { Length: > 0 } name ? [Keys.Of(w.Metadata.Namespace, name)] : []);
        _workloads = Watch(KubeKinds.StatefulSets, Labels.Workspace);
        _workloads.Kept = LookedAt;
        _jobs = Watch(KubeKinds.Jobs, Labels.Workspace);
        _budgets = Watch(KubeKinds.BudgetNames, Labels.Workspace, isOptional: true);
        _pods = Watch(KubeKinds.Pods, Labels.Workspace);
        _podsOf = _pods.Index(OwnerOf);
        _services = Watch(KubeKinds.ServiceNames, Labels.Workspace);
        _revisions = Watch(KubeKinds.Revisions, Labels.RevisionOwner);
        _revisions.Kept = static revision => revision with { Data = null };
        _revisionsOf = _revisions.Index(Keys.Owners);
        _copies = nodes;
        _nodes = new(nodes, new(
            _workspaces, _pods, queue, OwnerLabels.Workspace, static w => w.Resource, static w => w.Status?.Conditions));

        // A user's ConfigMap has no label of ours: the names of all are watched, and those that nobody named forgotten.
        _maps = Watch(KubeKinds.ConfigMapNames, null);
        _maps.Wanted = map => OwnerOf(map).Any() || _byConfig.Has(KeyOf(map));
        _maps.Changed += changed =>
        {
            foreach (var user in _byConfig[KeyOf(changed)])
            {
                queue.Add(KeyOf(user));
            }
        };
        Informers = [_workspaces, .. nodes.Informers, _workloads, _jobs, _budgets, _pods, _services, _revisions, _maps];
        _ownedBy = [Owned(_workloads), Owned(_jobs), Owned(_budgets), Owned(_services), Owned(_maps)];

        static Func<string, IEnumerable<IKubeObject>> Owned<T>(Informer<T> informer)
            where T : class, IKubeObject
        {
            var index = informer.Index(Keys.Owners);
            return uid => index[uid];
        }

        Informer<T> Watch<T>(KubeKind<T> kind, string? selector, bool isOptional = false)
            where T : class, IKubeObject => new(api, kind, selector, clock, logger)
            {
                IsOptional = isOptional,
                Changed = changed =>
                {
                    foreach (var owner in OwnerOf(changed))
                    {
                        queue.Add(owner);
                    }
                },
            };
    }

    public ImmutableArray<IInformer> Informers { get; }

    public IEnumerable<WorkspaceResource> All => _workspaces.All;

    public WorkspaceResource? Find(string key) => _workspaces.Find(key);

    /// <summary>The object of the same kind and name in the local copy.</summary>
    public IKubeObject? Find(IKubeObject rendered)
    {
        var key = Keys.Of(rendered.Metadata.Namespace, rendered.Metadata.Name!);
        return rendered switch
        {
            StatefulSet => _workloads.Find(key),
            Job => _jobs.Find(key),
            PodDisruptionBudget => _budgets.Find(key),
            Service => _services.Find(key),
            ConfigMap => _maps.Find(key),
            NodeClaim or NodePool => _copies.Find(rendered),
            ControllerRevision => _revisions.Find(key),
            _ => null,
        };
    }

    /// <summary>The StatefulSet of the Workspace's name, whoever owns it.</summary>
    public StatefulSet? FindWorkload(WorkspaceResource resource) =>
        _workloads.Find(Keys.Of(resource.Metadata.Namespace, resource.Metadata.Name!));

    public ImmutableArray<Pod> PodsOf(WorkspaceResource resource) => _podsOf[KeyOf(resource)];

    public async Task<WorkspaceObservation> ObserveAsync(
        WorkspaceResource resource, CancellationToken cancellationToken)
    {
        var (key, uid) = (KeyOf(resource), resource.Metadata.Uid ?? "");
        var nodes = _nodes.Observe(resource);
        return new()
        {
            Claims = nodes.Claims,
            Nodes = nodes.Nodes,
            OtherNodes = nodes.Others,
            BusyNodes = nodes.Busy,
            Pools = nodes.Pools,
            NodeClasses = nodes.NodeClasses,
            Workload = FindWorkload(resource) is { } workload && IsOwned(workload, resource) ? workload : null,
            HasBudgets = !_budgets.IsMissing,
            Job = _jobs.Find(key) is { } job && IsOwned(job, resource) ? job : null,
            Pods = PodsOf(resource),
            Status = resource.Status,
            Before = await BeforeAsync(resource, cancellationToken),
            UserConfig = await UserConfigAsync(resource, cancellationToken),
            NvmeClass = await NvmeClassAsync(resource, cancellationToken),
            Revisions = _revisionsOf[uid],
            Owned = [.. _ownedBy.SelectMany(owned => owned(uid))],
        };
    }

    /// <summary>See <see cref="NodeWatch{T}.ReleaseAsync"/>.</summary>
    public Task<ImmutableArray<IKubeObject>> ReleaseNodesAsync(
        WorkspaceResource resource, CancellationToken cancellationToken) =>
        _nodes.ReleaseAsync(_api, resource, cancellationToken);

    // The copies of revisions lack their data: it is asked for while a change has not been worked on, and never again.
    private async Task<WorkspaceResource?> BeforeAsync(WorkspaceResource resource, CancellationToken cancellationToken)
    {
        var hash = resource.Metadata.Annotations?.GetValueOrDefault(Annotations.Hash);
        if (hash is null || hash == WorkspaceHash.Of(resource)
            || _revisionsOf[resource.Metadata.Uid ?? ""].FirstOrDefault(
                r => r.Metadata.Annotations?.GetValueOrDefault(Annotations.Hash) == hash) is not { } known)
        {
            return null;
        }

        var whole = await _api.GetAsync(
            KubeKinds.Revisions, resource.Metadata.Namespace, known.Metadata.Name!, cancellationToken);
        return whole?.Data?.Deserialize(WorkspaceJson.Default.WorkspaceResource) is { } before
            ? before with { Metadata = resource.Metadata }
            : null;
    }

    // Asked for each time: nobody knows how large the ConfigMaps of users are, and how many of them there are.
    private async Task<ConfigMap?> UserConfigAsync(WorkspaceResource resource, CancellationToken cancellationToken) =>
        ConfigOf(resource) is { Length: > 0 } name && IsName(name)
            ? await _api.GetAsync(KubeKinds.ConfigMaps, resource.Metadata.Namespace, name, cancellationToken)
            : null;

    private static string? ConfigOf(WorkspaceResource resource) => resource.Inference?.Config ?? resource.Tuning?.Config;

    // Asked only before the workload is made: a StatefulSet's claims never change.
    private async Task<string?> NvmeClassAsync(WorkspaceResource resource, CancellationToken cancellationToken)
    {
        if (resource.Inference?.Preset is null
            || FindWorkload(resource) is not null)
        {
            return null;
        }

        try
        {
            return await _api.GetAsync($"apis/storage.k8s.io/v1/storageclasses/{NvmeClass}", cancellationToken) is null
                ? null
                : NvmeClass;
        }
        catch (KubeException)
        {
            // Without the right to ask, the pods keep the weights in folders of their own.
            return null;
        }
    }

    // Anything else is an error of the Workspace, and no part of a path.
    private static bool IsName(string text) => char.IsAsciiLetterOrDigit(text[0])
        && text.All(static c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '.');

    // A container's commands, settings and volumes are written, and never looked at again.
    private static StatefulSet LookedAt(StatefulSet whole) => whole with
    {
        Spec = whole.Spec is not { Template.Spec: { } pod } spec ? whole.Spec : spec with
        {
            Template = spec.Template with
            {
                Verbatim = null,
                Spec = new()
                {
                    Affinity = pod.Affinity,
                    Containers =
                    [
                        .. (pod.Containers ?? []).Select(static c => new Container { Name = c.Name, Image = c.Image }),
                    ],
                },
            },
        },
    };

    private static bool IsOwned(IKubeObject item, WorkspaceResource by) =>
        (item.Metadata.OwnerReferences ?? []).Any(o => o.Uid == by.Metadata.Uid);

    private static string KeyOf(IKubeObject item) => Keys.Of(item.Metadata.Namespace, item.Metadata.Name!);

    private static IEnumerable<string> OwnerOf(IKubeObject item) => Keys.Labelled(item, Labels.Workspace);
}
