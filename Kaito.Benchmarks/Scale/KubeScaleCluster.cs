using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using k8s;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaito.Benchmarks.Scale;

/// <summary>A real API server without controllers; nodes and ready workloads are written as Karpenter and kubelets would.</summary>
internal sealed class KubeScaleCluster : IScaleCluster
{
    private const int Workers = 8;

    private const string NodeClaimDefinition = """
        {"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
         "metadata":{"name":"nodeclaims.karpenter.sh"},
         "spec":{"group":"karpenter.sh","scope":"Cluster",
          "names":{"kind":"NodeClaim","listKind":"NodeClaimList","plural":"nodeclaims","singular":"nodeclaim"},
          "versions":[{"name":"v1","served":true,"storage":true,"subresources":{"status":{}},
           "schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}}
        """;

    // What the operator may write; the server has writes of its own.
    private static readonly ImmutableHashSet<string> s_written =
    [
        "workspaces", "nodeclaims", "nodes", "statefulsets", "services", "configmaps", "controllerrevisions",
        "poddisruptionbudgets", "events", "jobs",
    ];

    private readonly ControlPlane _plane;
    private readonly Kubernetes _client;
    private readonly KubeApi _api;
    private readonly WorkQueue _queue = new(TimeProvider.System);
    private readonly CancellationTokenSource _stop = new();
    private readonly HashSet<string> _ready = [];
    private readonly Informer<NodeClaim> _claims;
    private readonly Informer<StatefulSet> _workloads;
    private readonly Informer<WorkspaceResource> _workspaces;
    private readonly Task _playing;

    private KubeScaleCluster(ControlPlane plane)
    {
        _plane = plane;
        _client = new(KubernetesClientConfiguration.BuildConfigFromConfigFile(plane.Kubeconfig));
        _api = new(_client);
        _claims = new(_api, KubeKinds.NodeClaims, null, TimeProvider.System, NullLogger.Instance)
        {
            Changed = claim => _queue.Add(claim.Metadata.Name!),
        };
        _workloads = new(_api, KubeKinds.StatefulSets, null, TimeProvider.System, NullLogger.Instance)
        {
            Changed = set => _queue.Add(Keys.Of(set.Metadata.Namespace, set.Metadata.Name!)),
        };
        _workspaces = new(_api, KubeKinds.Workspaces, null, TimeProvider.System, NullLogger.Instance)
        {
            IsOptional = true,
            Changed = Look,
        };
        _playing = Task.WhenAll(
        [
            _claims.RunAsync(_stop.Token), _workloads.RunAsync(_stop.Token), _workspaces.RunAsync(_stop.Token),
            .. Enumerable.Range(0, Workers).Select(_ => PlayAsync(_stop.Token)),
        ]);
    }

    public string Kubeconfig => _plane.Kubeconfig;

    public int Ready
    {
        get
        {
            lock (_ready)
            {
                return _ready.Count;
            }
        }
    }

    public static async Task<KubeScaleCluster> StartAsync(CancellationToken cancellationToken)
    {
        var cluster = new KubeScaleCluster(await ControlPlane.StartAsync(controllers: false, cancellationToken));
        await cluster._api.ApplyAsync(
            "apis/apiextensions.k8s.io/v1/customresourcedefinitions/nodeclaims.karpenter.sh",
            NodeClaimDefinition, cancellationToken);
        return cluster;
    }

    public Task CreateAsync(JsonObject item, CancellationToken cancellationToken)
    {
        var version = (string)item["apiVersion"]!;
        return _api.ApplyAsync(
            $"{(version == "v1" ? "api" : "apis")}/{version}/namespaces/default/"
            + $"{((string)item["kind"]!).ToLowerInvariant()}s/{(string)item["metadata"]!["name"]!}",
            item.ToJsonString(), cancellationToken);
    }

    // Example: apiserver_request_total{code="200",...,resource="workspaces",...,verb="PATCH",...} 12
    public async Task<long> WritesAsync(CancellationToken cancellationToken)
    {
        var metrics = await _api.ReadTextAsync("metrics", cancellationToken);
        return metrics.Split('\n')
            .Where(static line => line.StartsWith("apiserver_request_total{", StringComparison.Ordinal)
                && s_written.Contains(Label(line, "resource"))
                && Label(line, "verb") is "POST" or "PUT" or "PATCH" or "APPLY" or "DELETE")
            .Sum(static line => (long)double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _playing;
        _client.Dispose();
        _queue.Dispose();
        _stop.Dispose();
        await _plane.DisposeAsync();
    }

    private static string Label(string line, string name)
    {
        var at = line.IndexOf($"{name}=\"", StringComparison.Ordinal) + name.Length + 2;
        return at < name.Length + 2 ? "" : line[at..line.IndexOf('"', at)];
    }

    private void Look(WorkspaceResource workspace)
    {
        lock (_ready)
        {
            _ = workspace.Status?.State == WorkspaceStates.Ready
                ? _ready.Add(workspace.Metadata.Name!)
                : _ready.Remove(workspace.Metadata.Name!);
        }
    }

    private async Task PlayAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                var key = await _queue.TakeAsync(stoppingToken);
                await AnswerAsync(key, stoppingToken);
                _queue.Done(key);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private async Task AnswerAsync(string key, CancellationToken cancellationToken)
    {
        try
        {
            if (_claims.Find(key) is { } claim && claim.Status?.NodeName is null)
            {
                await AnswerAsync(claim, cancellationToken);
            }
            else if (_workloads.Find(key) is { } workload
                && workload.Status?.ObservedGeneration != workload.Metadata.Generation)
            {
                var replicas = workload.Spec?.Replicas ?? 1;
                await StatusAsync(KubeKinds.StatefulSets, workload, $$"""
                    {"replicas":{{replicas}},"readyReplicas":{{replicas}},"currentRevision":"1","updateRevision":"1",
                     "observedGeneration":{{workload.Metadata.Generation}}}
                    """, cancellationToken);
            }
        }
        catch (Exception wrong) when (wrong is KubeException or HttpRequestException or TimeoutException)
        {
            _queue.Retry(key);
        }
    }

    private async Task AnswerAsync(NodeClaim claim, CancellationToken cancellationToken)
    {
        var labels = new JsonObject
        {
            [Labels.InstanceType] =
                claim.Spec!.Requirements!.Value.Single(static r => r.Key == Labels.InstanceType).Values!.Value[0],
        };
        foreach (var (key, value) in claim.Metadata.Labels!)
        {
            labels[key] = value;
        }

        var node = new Node { Metadata = new() { Name = $"node-{claim.Metadata.Name}" } };
        await _api.ApplyAsync($"api/v1/nodes/{node.Metadata.Name}", new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Node",
            ["metadata"] = new JsonObject { ["name"] = node.Metadata.Name, ["labels"] = labels },
        }.ToJsonString(), cancellationToken);
        await StatusAsync(KubeKinds.Nodes, node, """
            {"capacity":{"nvidia.com/gpu":"1","cpu":"24","memory":"220Gi","pods":"110"},
             "conditions":[{"type":"Ready","status":"True","reason":"KubeletReady"}]}
            """, cancellationToken);
        await StatusAsync(KubeKinds.NodeClaims, claim, $$"""
            {"nodeName":"{{node.Metadata.Name}}","conditions":[{"type":"Ready","status":"True","reason":"Ready","message":"",
             "lastTransitionTime":"2026-01-01T00:00:00Z"}]}
            """, cancellationToken);
    }

    private Task StatusAsync<T>(KubeKind<T> kind, T target, string status, CancellationToken cancellationToken)
        where T : class, IKubeObject => _api.PatchAsync(
        kind, target, new() { ["status"] = JsonNode.Parse(status) }, status: true, cancellationToken);
}
