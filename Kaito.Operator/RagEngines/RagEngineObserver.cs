using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;
using Kaito.Operator.Nodes;

namespace Kaito.Operator.RagEngines;

/// <summary>
/// Local copies of everything a RAGEngine's reconcile looks at; a change of any of it names the RAGEngine.
/// </summary>
internal sealed class RagEngineObserver : IDisposable
{
    private readonly IKubeApi _api;
    private readonly bool _existing;
    private readonly Informer<RagEngineResource> _engines;
    private readonly Informer<NodeClaim> _claims;
    private readonly Informer<Node> _nodes;
    private readonly Informer<Deployment> _workloads;
    private readonly Informer<Service> _services;
    private readonly Informer<Pod> _pods;

    public RagEngineObserver(IKubeApi api, OperatorOptions options, TimeProvider clock, ILogger<RagEngineObserver> logger)
    {
        _api = api;
        Queue = new(clock);
        _engines = Watch(KubeKinds.RagEngines, null, static e => (e.Metadata.Namespace, e.Metadata.Name));
        _claims = Watch(KubeKinds.NodeClaims, Labels.RagEngine, ByLabels);
        _existing = options.NodeProvisioner == NodeProvisioner.Existing;
        _nodes = Watch(KubeKinds.Nodes, _existing ? null : Labels.RagEngine, ByLabels);
        _workloads = Watch(KubeKinds.Deployments, Labels.RagEngine, InNamespace);
        _services = Watch(KubeKinds.Services, Labels.RagEngine, InNamespace);
        _pods = Watch(KubeKinds.Pods, Labels.RagEngine, InNamespace);
        Informers = [_engines, _nodes, _workloads, _services, _pods];
        if (_existing)
        {
            // The user's nodes name no RAGEngine; there are few of those, and each may mean the node.
            _nodes.Changed = _ =>
            {
                foreach (var engine in _engines.All)
                {
                    Queue.Add(Keys.Of(engine.Metadata.Namespace, engine.Metadata.Name!));
                }
            };
        }
        else
        {
            Informers = Informers.Add(_claims);
        }

        Informer<T> Watch<T>(KubeKind<T> kind, string? selector, Func<T, (string?, string?)> engineOf)
            where T : class, IKubeObject => new(api, kind, selector, clock, logger)
            {
                Changed = changed =>
                {
                    if (engineOf(changed) is ({ } space, { } name))
                    {
                        Queue.Add(Keys.Of(space, name));
                    }
                },
            };
    }

    public WorkQueue Queue { get; }

    public ImmutableArray<IInformer> Informers { get; }

    public RagEngineResource? Find(string key) => _engines.Find(key);

    /// <summary>The version of an applied object in the local copy.</summary>
    public string? Version(IKubeObject rendered)
    {
        var key = Keys.Of(rendered.Metadata.Namespace, rendered.Metadata.Name!);
        IKubeObject? current = rendered switch
        {
            Deployment => _workloads.Find(key),
            Service => _services.Find(key),
            NodeClaim => _claims.Find(key),
            _ => null,
        };
        return current is null ? null : ObjectApplier.Version(current.Metadata);
    }

    /// <param name="resource">The RAGEngine.</param>
    /// <param name="guardrails">Name of its ConfigMap; null for none.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    public async Task<RagEngineObservation> ObserveAsync(
        RagEngineResource resource, string? guardrails, CancellationToken cancellationToken)
    {
        var (space, name) = (resource.Metadata.Namespace, resource.Metadata.Name);
        return new()
        {
            Claims = [.. _claims.All.Where(c => ByLabels(c) == (space, name)).OrderBy(static c => c.Metadata.Name)],
            OtherNodes = _existing ? [.. _nodes.All.OrderBy(static n => n.Metadata.Name)] : [],
            Nodes = [.. _nodes.All.Where(n => ByLabels(n) == (space, name)).OrderBy(static n => n.Metadata.Name)],
            Workload = _workloads.Find(Keys.Of(space, name!)),
            Pods = [.. _pods.All.Where(p => InNamespace(p) == (space, name)).OrderBy(static p => p.Metadata.Name)],
            Status = resource.Status,
            Guardrails = guardrails is null
                ? null
                : await _api.GetAsync(KubeKinds.ConfigMaps, space, guardrails, cancellationToken),
        };
    }

    /// <summary>The claims that the API server has now: deletion must not rely on a copy that may be late.</summary>
    public async Task<ImmutableArray<NodeClaim>> ClaimsNowAsync(
        RagEngineResource resource, CancellationToken cancellationToken)
    {
        if (_existing)
        {
            return [];
        }

        var selector = $"{Labels.RagEngine}={resource.Metadata.Name},"
            + $"{Labels.RagEngineNamespace}={resource.Metadata.Namespace}";
        return (await _api.ListAsync(KubeKinds.NodeClaims, null, selector, cancellationToken)).Items;
    }

    public void Dispose() => Queue.Dispose();

    private static (string?, string?) ByLabels(IKubeObject item) => (
        item.Metadata.Labels?.GetValueOrDefault(Labels.RagEngineNamespace),
        item.Metadata.Labels?.GetValueOrDefault(Labels.RagEngine));

    private static (string?, string?) InNamespace(IKubeObject item) =>
        (item.Metadata.Namespace, item.Metadata.Labels?.GetValueOrDefault(Labels.RagEngine));
}
