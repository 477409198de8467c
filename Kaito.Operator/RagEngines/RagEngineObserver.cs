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
    private readonly ObjectIndex<NodeClaim> _claimsOf;
    private readonly ObjectIndex<Node> _nodesOf;
    private readonly ObjectIndex<Pod> _podsOf;

    public RagEngineObserver(IKubeApi api, OperatorOptions options, TimeProvider clock, ILogger<RagEngineObserver> logger)
    {
        _api = api;
        Queue = new(clock);
        _engines = Watch(KubeKinds.RagEngines, null, static e => [KeyOf(e)]);
        _claims = Watch(KubeKinds.NodeClaims, Labels.RagEngine, ByLabels);
        _existing = options.NodeProvisioner == NodeProvisioner.Existing;
        _nodes = Watch(KubeKinds.Nodes, _existing ? null : Labels.RagEngine, ByLabels);
        _workloads = Watch(KubeKinds.Deployments, Labels.RagEngine, InNamespace);
        _services = Watch(KubeKinds.ServiceNames, Labels.RagEngine, InNamespace);
        _pods = Watch(KubeKinds.Pods, Labels.RagEngine, InNamespace);
        _claimsOf = _claims.Index(ByLabels);
        _nodesOf = _nodes.Index(ByLabels);
        _podsOf = _pods.Index(InNamespace);
        Informers = [_engines, _nodes, _workloads, _services, _pods];
        if (_existing)
        {
            // The user's nodes name no RAGEngine; there are few of those, and each may mean the node.
            _nodes.Changed = _ =>
            {
                foreach (var engine in _engines.All)
                {
                    Queue.Add(KeyOf(engine));
                }
            };
        }
        else
        {
            Informers = Informers.Add(_claims);
        }

        Informer<T> Watch<T>(KubeKind<T> kind, string? selector, Func<T, IEnumerable<string>> engineOf)
            where T : class, IKubeObject => new(api, kind, selector, clock, logger)
            {
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
        var key = KeyOf(resource);
        return new()
        {
            Claims = _claimsOf[key],
            OtherNodes = _existing ? [.. _nodes.All.OrderBy(static n => n.Metadata.Name, StringComparer.Ordinal)] : [],
            Nodes = _nodesOf[key],
            Workload = _workloads.Find(key),
            Pods = _podsOf[key],
            Status = resource.Status,
            Guardrails = guardrails is null
                ? null
                : await _api.GetAsync(KubeKinds.ConfigMaps, resource.Metadata.Namespace, guardrails, cancellationToken),
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

    private static string KeyOf(RagEngineResource engine) =>
        Keys.Of(engine.Metadata.Namespace, engine.Metadata.Name!);

    private static IEnumerable<string> ByLabels(IKubeObject item) =>
        Keys.Labelled(item, Labels.RagEngine, Labels.RagEngineNamespace);

    private static IEnumerable<string> InNamespace(IKubeObject item) => Keys.Labelled(item, Labels.RagEngine);
}
