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
    private readonly NodeCopies _copies;
    private readonly NodeWatch<RagEngineResource> _nodes;
    private readonly Informer<RagEngineResource> _engines;
    private readonly Informer<Deployment> _workloads;
    private readonly Informer<Service> _services;
    private readonly Informer<Pod> _pods;
    private readonly ObjectIndex<Pod> _podsOf;

    public RagEngineObserver(IKubeApi api, NodeCopies nodes, TimeProvider clock, ILogger<RagEngineObserver> logger)
    {
        (_api, _copies) = (api, nodes);
        Queue = new(clock);
        _engines = Watch(KubeKinds.RagEngines, null, static e => [KeyOf(e)], isOptional: true);
        _workloads = Watch(KubeKinds.Deployments, Labels.RagEngine, InNamespace);
        _services = Watch(KubeKinds.ServiceNames, Labels.RagEngine, InNamespace);
        _pods = Watch(KubeKinds.Pods, Labels.RagEngine, InNamespace);
        _podsOf = _pods.Index(InNamespace);
        _nodes = new(nodes, new(
            _engines, _pods, Queue, OwnerLabels.RagEngine, static e => e.Spec?.Compute, static e => e.Status?.Conditions));
        Informers = [_engines, .. nodes.Informers, _workloads, _services, _pods];

        Informer<T> Watch<T>(
            KubeKind<T> kind, string? selector, Func<T, IEnumerable<string>> engineOf, bool isOptional = false)
            where T : class, IKubeObject => new(api, kind, selector, clock, logger)
            {
                IsOptional = isOptional,
                Changed = changed =>
                {
                    foreach (var engine in engineOf(changed))
                    {
                        Queue.Add(engine);
                    }
                },
            };
    }

    public WorkQueue Queue { get; }

    public ImmutableArray<IInformer> Informers { get; }

    public RagEngineResource? Find(string key) => _engines.Find(key);

    /// <summary>The object of the same kind and name in the local copy.</summary>
    public IKubeObject? Find(IKubeObject rendered)
    {
        var key = Keys.Of(rendered.Metadata.Namespace, rendered.Metadata.Name!);
        return rendered switch
        {
            Deployment => _workloads.Find(key),
            Service => _services.Find(key),
            NodeClaim or NodePool => _copies.Find(rendered),
            _ => null,
        };
    }

    /// <param name="resource">The RAGEngine.</param>
    /// <param name="guardrails">Name of its ConfigMap; null for none.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    public async Task<RagEngineObservation> ObserveAsync(
        RagEngineResource resource, string? guardrails, CancellationToken cancellationToken)
    {
        var key = KeyOf(resource);
        var nodes = _nodes.Observe(resource);
        return new()
        {
            ForNodes = nodes with { Pods = _podsOf[key] },
            Workload = _workloads.Find(key) is { } workload
                && (workload.Metadata.OwnerReferences ?? []).Any(o => o.Uid == resource.Metadata.Uid) ? workload : null,
            Guardrails = guardrails is null
                ? null
                : await _api.GetAsync(KubeKinds.ConfigMaps, resource.Metadata.Namespace, guardrails, cancellationToken),
        };
    }

    /// <summary>See <see cref="NodeWatch{T}.ReleaseAsync"/>.</summary>
    public Task<ImmutableArray<IKubeObject>> ReleaseNodesAsync(
        RagEngineResource resource, CancellationToken cancellationToken) =>
        _nodes.ReleaseAsync(_api, resource, cancellationToken);

    public void Dispose() => Queue.Dispose();

    private static string KeyOf(RagEngineResource engine) =>
        Keys.Of(engine.Metadata.Namespace, engine.Metadata.Name!);

    private static IEnumerable<string> InNamespace(IKubeObject item) => Keys.Labelled(item, Labels.RagEngine);
}
