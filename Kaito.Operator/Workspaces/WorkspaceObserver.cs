using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;

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
    private readonly NodeWatch _nodes;
    private readonly Informer<StatefulSet> _workloads;
    private readonly Informer<Job> _jobs;
    private readonly Informer<PodDisruptionBudget> _budgets;
    private readonly Informer<Pod> _pods;
    private readonly Informer<Service> _services;
    private readonly Informer<ConfigMap> _maps;
    private readonly Informer<ControllerRevision> _revisions;

    public WorkspaceObserver(
        IKubeApi api, Informer<WorkspaceResource> workspaces, WorkQueue queue, OperatorOptions options,
        TimeProvider clock, ILogger<WorkspaceObserver> logger)
    {
        _api = api;
        _workspaces = workspaces;
        _workspaces.Changed += changed => queue.Add(Keys.Of(changed.Metadata.Namespace, changed.Metadata.Name!));
        _nodes = new(api, _workspaces, queue, options, new(clock, logger));
        _workloads = Watch(KubeKinds.StatefulSets, Labels.Workspace, InNamespace);
        _jobs = Watch(KubeKinds.Jobs, Labels.Workspace, InNamespace);
        _budgets = Watch(KubeKinds.Budgets, Labels.Workspace, InNamespace, isOptional: true);
        _pods = Watch(KubeKinds.Pods, Labels.Workspace, InNamespace);
        _services = Watch(KubeKinds.Services, Labels.Workspace, InNamespace);
        _revisions = Watch(KubeKinds.Revisions, Labels.RevisionOwner, InNamespace);

        // A user's ConfigMap has no label of ours: all are watched, and only the one key of them is kept.
        _maps = Watch(KubeKinds.ConfigMaps, null, InNamespace);
        _maps.Kept = static map => map with { Data = OnlyUserConfig(map.Data) };
        var ours = _maps.Changed;
        _maps.Changed = changed =>
        {
            ours(changed);
            foreach (var user in _workspaces.All.Where(w => w.Metadata.Namespace == changed.Metadata.Namespace
                && ConfigOf(w) == changed.Metadata.Name))
            {
                queue.Add(Keys.Of(user.Metadata.Namespace, user.Metadata.Name!));
            }
        };
        Informers = [_workspaces, .. _nodes.Informers, _workloads, _jobs, _budgets, _pods, _services, _revisions, _maps];

        Informer<T> Watch<T>(
            KubeKind<T> kind, string? selector, Func<T, (string?, string?)> workspaceOf, bool isOptional = false)
            where T : class, IKubeObject => new(api, kind, selector, clock, logger)
            {
                IsOptional = isOptional,
                Changed = changed =>
                {
                    if (workspaceOf(changed) is ({ } space, { } name))
                    {
                        queue.Add(Keys.Of(space, name));
                    }
                },
            };
    }

    public ImmutableArray<IInformer> Informers { get; }

    public IEnumerable<WorkspaceResource> All => _workspaces.All;

    public WorkspaceResource? Find(string key) => _workspaces.Find(key);

    /// <summary>The version of an applied object in the local copy: its generation, or its resource version.</summary>
    public string? Version(IKubeObject rendered)
    {
        var key = Keys.Of(rendered.Metadata.Namespace, rendered.Metadata.Name!);
        var current = rendered switch
        {
            StatefulSet => _workloads.Find(key),
            Job => _jobs.Find(key),
            PodDisruptionBudget => _budgets.Find(key),
            Service => _services.Find(key),
            ConfigMap => _maps.Find(key),
            NodeClaim or NodePool => _nodes.Find(rendered),
            ControllerRevision => _revisions.Find(key),
            _ => null,
        };
        return current is null ? null : ObjectApplier.Version(current.Metadata);
    }

    /// <summary>The StatefulSet of the Workspace's name, whoever owns it.</summary>
    public StatefulSet? FindWorkload(WorkspaceResource resource) =>
        _workloads.Find(Keys.Of(resource.Metadata.Namespace, resource.Metadata.Name!));

    public async Task<WorkspaceObservation> ObserveAsync(
        WorkspaceResource resource, CancellationToken cancellationToken)
    {
        var (space, name) = (resource.Metadata.Namespace, resource.Metadata.Name);
        return _nodes.Observe(resource, _pods.All) with
        {
            Workload = FindWorkload(resource),
            HasBudgets = !_budgets.IsMissing,
            Job = _jobs.Find(Keys.Of(space, name!)),
            Pods = [.. _pods.All.Where(p => InNamespace(p) == (space, name)).OrderBy(static p => p.Metadata.Name)],
            Status = resource.Status,
            UserConfig = await UserConfigAsync(resource, cancellationToken),
            NvmeClass = await NvmeClassAsync(resource, cancellationToken),
            Revisions = [.. _revisions.All.Where(r => IsOwned(r, resource)).OrderBy(static r => r.Metadata.Name)],
            Owned =
            [
                .. _workloads.All.Where(o => IsOwned(o, resource)),
                .. _jobs.All.Where(o => IsOwned(o, resource)),
                .. _budgets.All.Where(o => IsOwned(o, resource)),
                .. _services.All.Where(o => IsOwned(o, resource)),
                .. _maps.All.Where(o => IsOwned(o, resource)),
            ],
        };
    }

    /// <summary>See <see cref="NodeWatch.RequestsNowAsync"/>.</summary>
    public Task<ImmutableArray<IKubeObject>> NodeRequestsNowAsync(
        WorkspaceResource resource, CancellationToken cancellationToken) =>
        _nodes.RequestsNowAsync(_api, resource, cancellationToken);

    // Applied together with the Workspace, the ConfigMap may not have reached the local copy yet.
    private async Task<ConfigMap?> UserConfigAsync(WorkspaceResource resource, CancellationToken cancellationToken) =>
        ConfigOf(resource) is { Length: > 0 } name && IsName(name)
            ? _maps.Find(Keys.Of(resource.Metadata.Namespace, name))
                ?? await _api.GetAsync(KubeKinds.ConfigMaps, resource.Metadata.Namespace, name, cancellationToken)
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

    private static ImmutableSortedDictionary<string, string>? OnlyUserConfig(
        ImmutableSortedDictionary<string, string>? data) =>
        data?.RemoveRange(data.Keys.Where(static k => k is not (EngineConfig.File or Rendering.TuningJob.ConfigFile)));

    private static bool IsOwned(IKubeObject item, WorkspaceResource by) =>
        (item.Metadata.OwnerReferences ?? []).Any(o => o.Uid == by.Metadata.Uid);

    private static (string?, string?) InNamespace(IKubeObject item) =>
        (item.Metadata.Namespace, item.Metadata.Labels?.GetValueOrDefault(Labels.Workspace));
}
