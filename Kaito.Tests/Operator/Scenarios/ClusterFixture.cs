using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using k8s;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.DevCluster.Nodes;
using Kaito.Operator;
using Kaito.Operator.Cluster;
using Kaito.Operator.Install;
using Kaito.Operator.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Kaito.Tests.Operator.Scenarios;

/// <summary>
/// The operator against the API server of a kubeconfig, and hands to play the parts that a control plane without nodes
/// lacks: the node provisioner and the kubelet.
/// </summary>
internal sealed class ClusterFixture : IAsyncDisposable
{
    private const string Crds = "apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private readonly Kubernetes _client;
    private readonly string _kubeconfig;
    private readonly RefusalLog _refusals = new();
    private OperatorOptions _options = new();
    private string? _operatorKubeconfig;
    private WebApplication? _operator;

    private ClusterFixture(string kubeconfig)
    {
        _kubeconfig = kubeconfig;
        _client = new(KubernetesClientConfiguration.BuildConfigFromConfigFile(kubeconfig));
        Api = new KubeApi(_client);
    }

    public IKubeApi Api { get; }

    public string Namespace { get; } = "default";

    public static Task<ClusterFixture> StartAsync(ScenarioServer server, CancellationToken cancellationToken) =>
        StartAsync(server.Kubeconfig, cancellationToken, server.OperatorKubeconfig);

    public static Task<ClusterFixture> StartAsync(
        string kubeconfig, CancellationToken cancellationToken, string? operatorKubeconfig = null) => StartAsync(
        new ClusterFixture(kubeconfig) { _operatorKubeconfig = operatorKubeconfig }, cancellationToken);

    /// <summary>The operator as these options have it, apart from the cluster's address.</summary>
    public static Task<ClusterFixture> StartAsync(
        string kubeconfig, OperatorOptions options, CancellationToken cancellationToken) => StartAsync(
        new ClusterFixture(kubeconfig) { _options = options }, cancellationToken);

    private static async Task<ClusterFixture> StartAsync(ClusterFixture fixture, CancellationToken cancellationToken)
    {
        if (await fixture.Api.GetAsync($"{Crds}/nodeclaims.karpenter.sh", cancellationToken) is null)
        {
            await fixture.Api.ApplyAsync($"{Crds}/nodeclaims.karpenter.sh", NodeClaimCrd, cancellationToken);
        }

        if (fixture._options.NodeProvisioner == NodeProvisioner.Machine)
        {
            await fixture.Api.ApplyAsync($"{Crds}/machines.karpenter.sh", MachineCrd, cancellationToken);
        }

        foreach (var definition in fixture._options.NodeProvisioner == NodeProvisioner.Karpenter
            ? KarpenterDefinitions.Render()
            : [])
        {
            var path = $"{Crds}/{(string)definition["metadata"]!["name"]!}";
            await fixture.Api.ApplyAsync(path, definition.ToJsonString(), cancellationToken);
        }

        if (fixture._operatorKubeconfig is not null)
        {
            await fixture.InstallAsync(cancellationToken);
        }

        await fixture.StartOperatorAsync(cancellationToken);
        return fixture;
    }

    // What an administrator does before the operator comes: the kinds, and what its account may do with them.
    private async Task InstallAsync(CancellationToken cancellationToken)
    {
        foreach (var crd in Kaito.Core.Api.Crds.All)
        {
            await Api.ApplyAsync($"{Crds}/{crd.Name}", crd.WithoutRules(), cancellationToken);
        }

        await InstallAsync("namespace.yaml", cancellationToken);
        await InstallAsync("rbac.yaml", cancellationToken);
    }

    /// <summary>Applies a file of deploy/manifests.</summary>
    public async Task InstallAsync(string file, CancellationToken cancellationToken)
    {
        foreach (var document in InstallManifests.Files.Single(f => f.Name == file).Yaml.Split("---\n"))
        {
            var item = Yaml.ToJson(document)!;
            var version = (string)item["apiVersion"]!;
            var space = (string?)item["metadata"]!["namespace"] is { } named ? $"namespaces/{named}/" : "";
            await Api.ApplyAsync(
                $"{(version == "v1" ? "api" : "apis")}/{version}/{space}{((string)item["kind"]!).ToLowerInvariant()}s/"
                + $"{(string)item["metadata"]!["name"]!}",
                item.ToJsonString(), cancellationToken);
        }
    }

    /// <summary>A page of the operator itself.</summary>
    public async Task<string> ScrapeAsync(string path, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { BaseAddress = new(_operator!.Urls.First()) };
        return await http.GetStringAsync(new Uri(path, UriKind.Relative), cancellationToken);
    }

    public async Task StartOperatorAsync(CancellationToken cancellationToken)
    {
        _operator = OperatorApp.Build(
            _operatorKubeconfig is { } limited
                ? new() { Kubeconfig = limited, LeaderElect = true, Namespace = InstallManifests.Namespace }
                : _options with { Kubeconfig = _kubeconfig, InstallCrds = true },
            builder =>
            {
                builder.WebHost.UseUrls("http://127.0.0.1:0");
                builder.Logging.ClearProviders().AddProvider(_refusals).SetMinimumLevel(LogLevel.Debug);
            });
        await _operator.StartAsync(cancellationToken);
        var status = _operator.Services.GetRequiredService<OperatorStatus>();
        await UntilAsync(
            () => Task.FromResult(status.Problem is null ? "" : null), "the operator is ready", cancellationToken);
    }

    public async Task StopOperatorAsync(CancellationToken cancellationToken)
    {
        if (_operator is not null)
        {
            await _operator.StopAsync(cancellationToken);
            await _operator.DisposeAsync();
            _operator = null;
        }
    }

    /// <summary>What Karpenter does: a node for the claim, and word of it in the claim's status.</summary>
    public async Task MarkReadyAsync(NodeClaim claim, CancellationToken cancellationToken)
    {
        var node = $"node-{claim.Metadata.Name}";
        var type = claim.Spec!.Requirements!.Value.Single(static r => r.Key == Labels.InstanceType).Values!.Value[0];
        var labels = new JsonObject { [Labels.InstanceType] = type };
        foreach (var (key, value) in claim.Metadata.Labels!)
        {
            labels[key] = value;
        }

        await Api.ApplyAsync($"api/v1/nodes/{node}", new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Node",
            ["metadata"] = new JsonObject { ["name"] = node, ["labels"] = labels },
        }.ToJsonString(), cancellationToken);
        await StatusAsync(KubeKinds.Nodes, new() { Metadata = new() { Name = node } }, """
            {"capacity":{"nvidia.com/gpu":"1","cpu":"24","memory":"220Gi","pods":"110"},
             "allocatable":{"nvidia.com/gpu":"1","cpu":"24","memory":"220Gi","pods":"110"},
             "conditions":[{"type":"Ready","status":"True","reason":"KubeletReady"}]}
            """, cancellationToken);
        await StatusAsync((KubeKind<NodeClaim>)KubeKinds.Of(claim), claim, $$"""
            {"nodeName":"{{node}}","conditions":[{"type":"Ready","status":"True","reason":"Ready","message":"",
            "lastTransitionTime":"2026-01-01T00:00:00Z"}]}
            """, cancellationToken);
    }

    /// <summary>What a kubelet does: the first pod of the workload runs and is ready.</summary>
    public async Task MarkReadyAsync(StatefulSet workload, CancellationToken cancellationToken)
    {
        var name = $"{workload.Metadata.Name}-0";
        var pod = await UntilAsync(
            () => Api.GetAsync(KubeKinds.Pods, Namespace, name, cancellationToken), $"pod {name} is there",
            cancellationToken);
        await StatusAsync(
            KubeKinds.Pods, pod, """{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}""",
            cancellationToken);
    }

    public Task StatusAsync<T>(KubeKind<T> kind, T target, string status, CancellationToken cancellationToken)
        where T : class, IKubeObject => Api.PatchAsync(
        kind, target, new() { ["status"] = JsonNode.Parse(status) }, status: true, cancellationToken);

    /// <summary>Sends YAML as a user's tool does; the answer's status and, when it is a refusal, its message.</summary>
    public async Task<(HttpStatusCode Status, string Message)> PostAsync(
        string path, string yaml, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_client.BaseUri, path))
        {
            Content = new StringContent(yaml, Encoding.UTF8, "application/yaml"),
        };
        await _client.Credentials!.ProcessHttpRequestAsync(request, cancellationToken);
        using var response = await _client.HttpClient.SendAsync(request, cancellationToken);
        var answer = JsonNode.Parse(await response.Content.ReadAsStringAsync(cancellationToken));
        return (response.StatusCode, (string?)answer?["message"] ?? "");
    }

    /// <summary>Looks until there is something to see; the failure says what was waited for.</summary>
    public static async Task<T> UntilAsync<T>(
        Func<Task<T?>> look, string what, CancellationToken cancellationToken)
        where T : class
    {
        var started = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(started) < s_limit)
        {
            if (await look() is { } seen)
            {
                return seen;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, cancellationToken);
        }

        throw new TimeoutException($"Waited {s_limit.TotalSeconds} s in vain until {what}.");
    }

    public async ValueTask DisposeAsync()
    {
        await StopOperatorAsync(CancellationToken.None);
        _client.Dispose();

        // Whatever the scenario was about: the operator asks for nothing that its role does not grant.
        _refusals.Dispose();
        Assert.Empty(_refusals.Lines);
    }

    private const string MachineCrd = """
        {"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
         "metadata":{"name":"machines.karpenter.sh"},
         "spec":{"group":"karpenter.sh","scope":"Cluster",
          "names":{"kind":"Machine","listKind":"MachineList","plural":"machines","singular":"machine"},
          "versions":[{"name":"v1alpha5","served":true,"storage":true,"subresources":{"status":{}},
           "schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}}
        """;

    private const string NodeClaimCrd = """
        {"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
         "metadata":{"name":"nodeclaims.karpenter.sh"},
         "spec":{"group":"karpenter.sh","scope":"Cluster",
          "names":{"kind":"NodeClaim","listKind":"NodeClaimList","plural":"nodeclaims","singular":"nodeclaim"},
          "versions":[{"name":"v1","served":true,"storage":true,"subresources":{"status":{}},
           "schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}}
        """;
}
