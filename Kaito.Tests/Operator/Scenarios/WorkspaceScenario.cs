using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;

namespace Kaito.Tests.Operator.Scenarios;

/// <summary>The life of a Workspace; derived once per kind of API server.</summary>
public abstract partial class WorkspaceScenario
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Workspace_AppliedServedAndDeleted_LeavesNothing()
    {
        await using var server = await StartServerAsync();
        await using var cluster = await ClusterFixture.StartAsync(server, Stop);
        await cluster.Api.CreateAsync(KubeKinds.Workspaces, Wanted("phi-3.5-mini-instruct"), Stop);

        var claim = await FirstAsync(cluster, KubeKinds.NodeClaims, static _ => true, "a NodeClaim is asked for");
        if (!server.HasNodes)
        {
            Assert.Null(await cluster.Api.GetAsync(KubeKinds.StatefulSets, cluster.Namespace, "phi", Stop));
            await cluster.MarkReadyAsync(claim, Stop);
        }

        var workload = await FirstAsync(cluster, KubeKinds.StatefulSets, static _ => true, "the workload is there");

        // A new operator finds everything as it was and goes on.
        await cluster.StopOperatorAsync(Stop);
        await cluster.StartOperatorAsync(Stop);
        if (!server.HasNodes)
        {
            await cluster.MarkReadyAsync(workload, Stop);
        }

        var ready = await FirstAsync(
            cluster, KubeKinds.Workspaces, static w =>
                w.Status?.State == WorkspaceStates.Ready, "the Workspace is ready");

        Assert.All(ready.Status!.Conditions!.Value, static c => Assert.Equal(Condition.True, c.Status));
        Assert.Equal(1, ready.Status.TargetNodeCount);
        Assert.Single((await cluster.Api.ListAsync(KubeKinds.NodeClaims, null, null, Stop)).Items);
        var node = await cluster.Api.GetAsync(KubeKinds.Nodes, null, $"node-{claim.Metadata.Name}", Stop);
        Assert.Equal("nvidia", node!.Metadata.Labels!.GetValueOrDefault(Labels.Accelerator));

        await cluster.Api.DeleteAsync(ready, Stop);
        await ClusterFixture.UntilAsync(
            async () =>
                await cluster.Api.GetAsync(KubeKinds.Workspaces, cluster.Namespace, "phi", Stop) is null ? "" : null,
            "the Workspace is gone", Stop);
        Assert.Empty((await cluster.Api.ListAsync(KubeKinds.NodeClaims, null, null, Stop)).Items);
        await GoneAsync(cluster, KubeKinds.StatefulSets);
        await GoneAsync(cluster, KubeKinds.Services);
        await GoneAsync(cluster, KubeKinds.ConfigMaps);
        await GoneAsync(cluster, KubeKinds.Pods);
    }

    [Fact]
    public async Task Workspace_AcceptedByTheServerButWrong_SaysSoInItsConditionsAndAsksForNothing()
    {
        await using var server = await StartServerAsync();
        await using var cluster = await ClusterFixture.StartAsync(server, Stop);
        var runtime = Wanted("phi-4");
        await CreateAsync("preset", Wanted("phi-99"));
        await CreateAsync("sku", runtime with { Resource = runtime.Resource! with { InstanceType = "Standard_NC24" } });
        await CreateAsync("runtime", runtime with
        {
            Metadata = new()
            {
                Annotations = ImmutableSortedDictionary<string, string>.Empty.Add(Annotations.Runtime, "tgi"),
            },
        });

        await FailsAsync("preset", "inference.preset.name: \"phi-99\" is neither a preset", "Presets are ");
        await FailsAsync("sku", "resource.instanceType: \"Standard_NC24\" is not an instance type", "Known are ");
        await FailsAsync("runtime", "metadata.annotations[\"kaito.sh/runtime\"]: \"tgi\"", "Use onnx, vllm or huggingface");
        Assert.Empty((await cluster.Api.ListAsync(KubeKinds.NodeClaims, null, null, Stop)).Items);

        Task CreateAsync(string name, WorkspaceResource workspace) => cluster.Api.CreateAsync(
            KubeKinds.Workspaces,
            workspace with { Metadata = workspace.Metadata with { Name = name, Namespace = "default" } }, Stop);

        async Task FailsAsync(string name, params string[] expected)
        {
            var failed = await FirstAsync(
                cluster, KubeKinds.Workspaces,
                w => w.Metadata.Name == name && w.Status?.State == WorkspaceStates.Failed, $"{name} has failed");
            var message = failed.Status!.Conditions!.Value.Single(
                static c => c.Type == ConditionTypes.ResourceReady).Message;
            Assert.All(expected, part => Assert.Contains(part, message, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Server_WorkspaceOfWrongTypes_IsRefusedWithTheFieldAndWhatItMayBe()
    {
        await using var server = await StartServerAsync();
        await using var cluster = await ClusterFixture.StartAsync(server, Stop);

        await RefusedAsync("metadata: [", "yaml");
        await RefusedAsync(Manifest("count: three"), "resource.count", "integer");
        await RefusedAsync(Manifest("instanceType: 5"), "resource.instanceType", "string");
        await RefusedAsync(Manifest("preferredNodes: node-1"), "resource.preferredNodes", "array");
        await RefusedAsync(Manifest("count: 1", "runtime: tgi"), "inference.runtime", "\"tgi\"", "\"onnx\", \"vllm\"");
        await RefusedAsync(Manifest("count: 1", "preset: phi-4"), "inference.preset", "object");

        async Task RefusedAsync(string yaml, params string[] expected)
        {
            var (status, message) = await cluster.PostAsync(
                "apis/kaito.sh/v1beta1/namespaces/default/workspaces", yaml, Stop);
            Assert.InRange((int)status, 400, 422);
            Assert.All(expected, part => Assert.Contains(part, message, StringComparison.OrdinalIgnoreCase));
        }
    }

    private static string Manifest(string resource, string inference = "preset: { name: phi-4 }") =>
        $"""
        apiVersion: kaito.sh/v1beta1
        kind: Workspace
        metadata:
          name: wrong
        resource:
          labelSelector: [NOTHING]
          {resource}
        inference:
          {inference}
        """.Replace("[NOTHING]", "{}", StringComparison.Ordinal);

    private protected abstract Task<ScenarioServer> StartServerAsync();

    private static Task<T> FirstAsync<T>(
        ClusterFixture cluster, KubeKind<T> kind, Func<T, bool> wanted, string what)
        where T : class, IKubeObject => ClusterFixture.UntilAsync(
        async () => (await cluster.Api.ListAsync(kind, null, null, Stop)).Items.FirstOrDefault(wanted), what, Stop);

    // The garbage collector takes a moment.
    private static Task<string> GoneAsync<T>(ClusterFixture cluster, KubeKind<T> kind)
        where T : class, IKubeObject => ClusterFixture.UntilAsync(
        async () => (await cluster.Api.ListAsync(kind, null, null, Stop)).Items
            .Any(static item => item.Metadata.Labels?.ContainsKey(Labels.Workspace) == true) ? null : "",
        $"every {kind} of the Workspace is gone", Stop);

    private static WorkspaceResource Wanted(string preset) => new()
    {
        Metadata = new() { Name = "phi", Namespace = "default" },
        Resource = new()
        {
            InstanceType = "Standard_NC24ads_A100_v4",
            LabelSelector = new() { MatchLabels = ImmutableSortedDictionary<string, string>.Empty.Add("apps", "phi") },
        },
        Inference = new() { Preset = new() { Name = preset } },
    };
}

/// <summary>On the dev cluster, whose pods are real inference hosts with the tiny model.</summary>
public sealed class DevClusterWorkspaceTests : WorkspaceScenario
{
    private protected override Task<ScenarioServer> StartServerAsync() => ScenarioServer.DevClusterAsync();
}

/// <summary>On a real kube-apiserver and controller-manager.</summary>
public sealed class ControlPlaneWorkspaceTests : WorkspaceScenario
{
    private protected override Task<ScenarioServer> StartServerAsync() => ScenarioServer.ControlPlaneAsync();
}
