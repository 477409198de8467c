using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;

namespace Kaito.Operator.Workspaces;

/// <summary>Local copies of everything a Workspace's reconcile looks at; a change of any of it names the Workspace.</summary>
internal sealed class WorkspaceObserver
{
    private readonly IKubeApi _api;
    private readonly Informer<WorkspaceResource> _workspaces;
    private readonly Informer<NodeClaim> _claims;
    private readonly Informer<Node> _nodes;
    private readonly Informer<StatefulSet> _workloads;
    private readonly Informer<Pod> _pods;
    private readonly Informer<Service> _services;
    private readonly Informer<ConfigMap> _maps;

    public WorkspaceObserver(IKubeApi api, WorkQueue queue, TimeProvider clock, ILogger<WorkspaceObserver> logger)
    {
        _api = api;
        _workspaces = Watch(KubeKinds.Workspaces, null, static w => (w.Metadata.Namespace, w.Metadata.Name));
        _claims = Watch(KubeKinds.NodeClaims, Labels.Workspace, ByLabels);
        _nodes = Watch(KubeKinds.Nodes, Labels.Workspace, ByLabels);
        _workloads = Watch(KubeKinds.StatefulSets, Labels.Workspace, InNamespace);
        _pods = Watch(KubeKinds.Pods, Labels.Workspace, InNamespace);
        _services = Watch(KubeKinds.Services, Labels.Workspace, InNamespace);
        _maps = Watch(KubeKinds.ConfigMaps, Labels.Workspace, InNamespace);
        Informers = [_workspaces, _claims, _nodes, _workloads, _pods, _services, _maps];

        Informer<T> Watch<T>(KubeKind<T> kind, string? selector, Func<T, (string?, string?)> workspaceOf)
            where T : class, IKubeObject => new(api, kind, selector, clock, logger)
            {
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
        IKubeObject? current = rendered switch
        {
            StatefulSet => _workloads.Find(key),
            Service => _services.Find(key),
            ConfigMap => _maps.Find(key),
            NodeClaim => _claims.Find(key),
            _ => null,
        };
        return current is null ? null : Version(current.Metadata);
    }

    public static string? Version(ObjectMeta metadata) => metadata.Generation is { } generation and > 0
        ? $"{metadata.Uid}/{generation}"
        : $"{metadata.Uid}/{metadata.ResourceVersion}";

    public async Task<WorkspaceObservation> ObserveAsync(
        WorkspaceResource resource, CancellationToken cancellationToken)
    {
        var (space, name) = (resource.Metadata.Namespace, resource.Metadata.Name);
        return new()
        {
            Claims = [.. _claims.All.Where(c => ByLabels(c) == (space, name)).OrderBy(static c => c.Metadata.Name)],
            Nodes = [.. _nodes.All.Where(n => ByLabels(n) == (space, name)).OrderBy(static n => n.Metadata.Name)],
            Workload = _workloads.Find(Keys.Of(space, name!)),
            Pods = [.. _pods.All.Where(p => InNamespace(p) == (space, name)).OrderBy(static p => p.Metadata.Name)],
            Status = resource.Status,
            ContextTokens = await ContextTokensAsync(resource, cancellationToken),
        };
    }

    /// <summary>The claims that the API server has now: deletion must not rely on a copy that may be late.</summary>
    public async Task<ImmutableArray<NodeClaim>> ClaimsNowAsync(
        WorkspaceResource resource, CancellationToken cancellationToken)
    {
        var selector = $"{Labels.Workspace}={resource.Metadata.Name},"
            + $"{Labels.WorkspaceNamespace}={resource.Metadata.Namespace}";
        return (await _api.ListAsync(KubeKinds.NodeClaims, null, selector, cancellationToken)).Items;
    }

    private async Task<int?> ContextTokensAsync(WorkspaceResource resource, CancellationToken cancellationToken)
    {
        if (resource.Inference?.Config is not { Length: > 0 } name)
        {
            return null;
        }

        var map = await _api.GetAsync(KubeKinds.ConfigMaps, resource.Metadata.Namespace, name, cancellationToken);
        return EngineConfig.MaxModelLength(map?.Data?.GetValueOrDefault(EngineConfig.File));
    }

    private static (string?, string?) ByLabels(IKubeObject item) => (
        item.Metadata.Labels?.GetValueOrDefault(Labels.WorkspaceNamespace),
        item.Metadata.Labels?.GetValueOrDefault(Labels.Workspace));

    private static (string?, string?) InNamespace(IKubeObject item) =>
        (item.Metadata.Namespace, item.Metadata.Labels?.GetValueOrDefault(Labels.Workspace));
}
