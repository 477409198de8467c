using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator;
using Kaito.Operator.Cluster;
using Kaito.Operator.Nodes;

namespace Kaito.Tests.Operator.Scenarios;

/// <summary>Workspaces on nodes that do not come from gpu-provisioner; derived once per kind of API server.</summary>
public abstract class NodeProvisionerScenario
{
    private const string A100 = "Standard_NC24ads_A100_v4";

    private static readonly OperatorOptions s_existing = new() { NodeProvisioner = NodeProvisioner.Existing };

    private static readonly OperatorOptions s_karpenter = new()
    {
        NodeProvisioner = NodeProvisioner.Karpenter,
        Karpenter = new() { Classes = KarpenterOptions.ParseClasses("""[{"name":"gpu","default":true,"spec":{}}]""") },
    };

    private protected static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ExistingNodes_LabelledLater_ServeAndStayWhenTheWorkspaceGoes()
    {
        await using var server = await StartServerAsync();
        await using var cluster = await ClusterFixture.StartAsync(server.Kubeconfig, s_existing, Stop);
        await cluster.Api.CreateAsync(KubeKinds.Workspaces, Wanted(null), Stop);
        var told = await ConditionAsync(cluster, ConditionTypes.ResourceReady, "NodeNotReady");
        Assert.Contains("0 of 1 node(s) are ready", told.Message, StringComparison.Ordinal);
        Assert.Contains("apps=phi", told.Message, StringComparison.Ordinal);

        await AddNodeAsync(cluster, "mine");

        await ConditionAsync(cluster, ConditionTypes.ResourceReady, "workspaceResourceStatusSuccess");
        await FinishAsync(cluster, server, "mine");
        Assert.NotNull(await cluster.Api.GetAsync(KubeKinds.Nodes, null, "mine", Stop));
        Assert.Empty((await cluster.Api.ListAsync(KubeKinds.NodeClaims, null, null, Stop)).Items);
    }

    [Fact]
    public async Task UsersNode_BesideGpuProvisioner_ServesWithoutAClaim()
    {
        await using var server = await StartServerAsync();
        await using var cluster = await ClusterFixture.StartAsync(server.Kubeconfig, new(), Stop);
        await AddNodeAsync(cluster, "mine");
        await ClusterFixture.UntilAsync(
            async () => NodeReadiness.IsReady((await cluster.Api.GetAsync(KubeKinds.Nodes, null, "mine", Stop))!) ? "" : null,
            "the node is ready", Stop);
        await cluster.Api.CreateAsync(KubeKinds.Workspaces, Wanted(A100), Stop);

        await ConditionAsync(cluster, ConditionTypes.ResourceReady, "workspaceResourceStatusSuccess");
        await FinishAsync(cluster, server, "mine");
    }

    [Fact]
    public async Task Machine_BringsTheNodeAndGoesWithTheWorkspace()
    {
        await using var server = await StartServerAsync();
        await using var cluster = await ClusterFixture.StartAsync(
            server.Kubeconfig, new OperatorOptions { NodeProvisioner = NodeProvisioner.Machine }, Stop);
        await cluster.Api.CreateAsync(KubeKinds.Workspaces, Wanted(A100), Stop);
        var machine = await ClusterFixture.UntilAsync(
            async () => (await cluster.Api.ListAsync(KubeKinds.Machines, null, null, Stop)).Items.FirstOrDefault(),
            "the Machine is there", Stop);
        Assert.Equal(machine.Metadata.Name, machine.Spec!.MachineTemplateRef!.Name);

        await cluster.MarkReadyAsync(machine, Stop);

        await ConditionAsync(cluster, ConditionTypes.ResourceReady, "workspaceResourceStatusSuccess");
        Assert.Single((await cluster.Api.ListAsync(KubeKinds.Machines, null, null, Stop)).Items);
        Assert.Empty((await cluster.Api.ListAsync(KubeKinds.NodeClaims, null, null, Stop)).Items);
        var workspace = Assert.Single((await cluster.Api.ListAsync(KubeKinds.Workspaces, null, null, Stop)).Items);
        await cluster.Api.DeleteAsync(workspace, Stop);
        await ClusterFixture.UntilAsync(
            async () => (await cluster.Api.ListAsync(KubeKinds.Workspaces, null, null, Stop)).Items.IsEmpty ? "" : null,
            "the Workspace is gone", Stop);
        Assert.Empty((await cluster.Api.ListAsync(KubeKinds.Machines, null, null, Stop)).Items);
    }

    [Fact]
    public async Task Karpenter_PoolBringsTheNodeAndGoesWithTheWorkspace()
    {
        await using var server = await StartServerAsync();
        await using var cluster = await ClusterFixture.StartAsync(server.Kubeconfig, s_karpenter, Stop);
        var kind = KubeKinds.NodeClassesOf(s_karpenter.Karpenter);
        var made = await ClusterFixture.UntilAsync(
            () => cluster.Api.GetAsync(kind, null, "gpu", Stop), "the NodeClass is there", Stop);
        Assert.Equal("true", made.Metadata.Labels![Labels.KarpenterDefault]);
        if (!server.HasNodes)
        {
            await cluster.StatusAsync(kind, made, """{"conditions":[{"type":"Ready","status":"True"}]}""", Stop);
        }

        await cluster.Api.CreateAsync(KubeKinds.Workspaces, Wanted(A100), Stop);
        var pool = await ClusterFixture.UntilAsync(
            () => cluster.Api.GetAsync(KubeKinds.NodePools, null, "default-phi", Stop), "the NodePool is there", Stop);
        Assert.Equal(1, pool.Spec!.Replicas);
        if (!server.HasNodes)
        {
            await BringNodeAsync(cluster, pool);
        }

        await ConditionAsync(cluster, ConditionTypes.ResourceReady, "workspaceResourceStatusSuccess");
        await FinishAsync(cluster, server, server.HasNodes ? "node-default-phi-0" : "node-default-phi-a");
        Assert.Empty((await cluster.Api.ListAsync(KubeKinds.NodePools, null, null, Stop)).Items);
        Assert.Empty((await cluster.Api.ListAsync(KubeKinds.NodeClaims, null, null, Stop)).Items);
    }

    [Fact]
    public async Task Karpenter_RagEngine_HasAPoolOfItsOwnBesideAWorkspaceOfTheSameName()
    {
        await using var server = await StartServerAsync();
        await using var cluster = await ClusterFixture.StartAsync(server.Kubeconfig, s_karpenter, Stop);
        var kind = KubeKinds.NodeClassesOf(s_karpenter.Karpenter);
        var made = await ClusterFixture.UntilAsync(
            () => cluster.Api.GetAsync(kind, null, "gpu", Stop), "the NodeClass is there", Stop);
        if (!server.HasNodes)
        {
            await cluster.StatusAsync(kind, made, """{"conditions":[{"type":"Ready","status":"True"}]}""", Stop);
        }

        await cluster.Api.CreateAsync(KubeKinds.Workspaces, Wanted(A100), Stop);
        await cluster.Api.CreateAsync(
            KubeKinds.RagEngines,
            new()
            {
                Metadata = new() { Name = "phi", Namespace = "default" },
                Spec = new()
                {
                    Compute = Wanted(A100).Resource,
                    Embedding = new() { Local = new() { ModelID = "BAAI/bge-small-en-v1.5" } },
                },
            },
            Stop);
        var pool = await ClusterFixture.UntilAsync(
            () => cluster.Api.GetAsync(KubeKinds.NodePools, null, "default-phi-rag", Stop), "its NodePool is there", Stop);
        Assert.Equal((1, "phi"), (pool.Spec!.Replicas, pool.Metadata.Labels![Labels.KarpenterRagEngineName]));
        await ClusterFixture.UntilAsync(
            () => cluster.Api.GetAsync(KubeKinds.NodePools, null, "default-phi", Stop), "the Workspace's is there", Stop);
        if (server.HasNodes)
        {
            await FirstAsync(static e => e.Status?.Conditions?.Any(static c =>
                c is { Type: ConditionTypes.ResourceReady, Status: Condition.True }) == true, "its node is ready");
        }

        await cluster.Api.DeleteAsync(await FirstAsync(static _ => true, "the RAGEngine is there"), Stop);
        if (!server.HasNodes)
        {
            await RemoveClaimsAsync(cluster);
        }

        await ClusterFixture.UntilAsync(
            async () => (await cluster.Api.ListAsync(KubeKinds.RagEngines, null, null, Stop)).Items.IsEmpty ? "" : null,
            "the RAGEngine is gone", Stop);
        Assert.Equal(
            ["default-phi"],
            (await cluster.Api.ListAsync(KubeKinds.NodePools, null, null, Stop)).Items.Select(static p => p.Metadata.Name));

        Task<RagEngineResource> FirstAsync(Func<RagEngineResource, bool> wanted, string what) =>
            ClusterFixture.UntilAsync(
                async () => (await cluster.Api.ListAsync(KubeKinds.RagEngines, null, null, Stop)).Items
                    .FirstOrDefault(wanted),
                what, Stop);
    }

    private protected abstract Task<ScenarioServer> StartServerAsync();

    private protected static Task<Condition> ConditionAsync(ClusterFixture cluster, string type, string reason) =>
        ClusterFixture.UntilAsync(
            async () => (await cluster.Api.GetAsync(KubeKinds.Workspaces, "default", "phi", Stop))?.Status?.Conditions?
                .FirstOrDefault(c => c.Type == type && c.Reason == reason),
            $"{type} has the reason {reason}", Stop);

    // Serves on the node, and leaves when it is told to.
    private static async Task FinishAsync(ClusterFixture cluster, ScenarioServer server, string node)
    {
        var workload = await ClusterFixture.UntilAsync(
            () => cluster.Api.GetAsync(KubeKinds.StatefulSets, "default", "phi", Stop), "the workload is there", Stop);
        if (!server.HasNodes)
        {
            await cluster.MarkReadyAsync(workload, Stop);
        }

        await ConditionAsync(cluster, ConditionTypes.WorkspaceSucceeded, "workspaceSucceeded");
        var workspace = await cluster.Api.GetAsync(KubeKinds.Workspaces, "default", "phi", Stop);
        Assert.Equal([node], workspace!.Status!.WorkerNodes!.Value);
        if (server.HasNodes)
        {
            var pod = await cluster.Api.GetAsync(KubeKinds.Pods, "default", "phi-0", Stop);
            Assert.Equal(node, pod!.Spec!.NodeName);
        }

        await cluster.Api.DeleteAsync(workspace, Stop);
        if (!server.HasNodes)
        {
            // What Karpenter does when a pool goes: its claims go first.
            await RemoveClaimsAsync(cluster);
        }

        await ClusterFixture.UntilAsync(
            async () => await cluster.Api.GetAsync(KubeKinds.Workspaces, "default", "phi", Stop) is null ? "" : null,
            "the Workspace is gone", Stop);
    }

    private static async Task RemoveClaimsAsync(ClusterFixture cluster)
    {
        foreach (var claim in (await cluster.Api.ListAsync(KubeKinds.NodeClaims, null, null, Stop)).Items)
        {
            await cluster.Api.DeleteAsync(claim, Stop);
        }
    }

    private static async Task BringNodeAsync(ClusterFixture cluster, NodePool pool)
    {
        const string Name = "default-phi-a";
        var labels = pool.Spec!.Template!.Metadata!.Labels!.Add(Labels.NodePool, pool.Metadata.Name!);
        await cluster.Api.ApplyAsync(
            new NodeClaim { Metadata = new() { Name = Name, Labels = labels }, Spec = pool.Spec.Template.Spec }, Stop);
        var claim = await cluster.Api.GetAsync(KubeKinds.NodeClaims, null, Name, Stop);
        await cluster.MarkReadyAsync(claim!, Stop);
    }

    private static async Task AddNodeAsync(ClusterFixture cluster, string name)
    {
        var labels = new JsonObject
        {
            ["apps"] = "phi",
            [Labels.InstanceType] = A100,
            ["nvidia.com/gpu.product"] = "NVIDIA-A100-80GB-PCIe",
            ["nvidia.com/gpu.count"] = "1",
            ["nvidia.com/gpu.memory"] = "81920",
        };
        await cluster.Api.ApplyAsync($"api/v1/nodes/{name}", new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Node",
            ["metadata"] = new JsonObject { ["name"] = name, ["labels"] = labels },
        }.ToJsonString(), Stop);
        await cluster.StatusAsync(KubeKinds.Nodes, new() { Metadata = new() { Name = name } }, """
            {"capacity":{"nvidia.com/gpu":"1","cpu":"24","memory":"220Gi","pods":"110"},
             "allocatable":{"nvidia.com/gpu":"1","cpu":"24","memory":"220Gi","pods":"110"},
             "conditions":[{"type":"Ready","status":"True","reason":"KubeletReady"}]}
            """, Stop);
    }

    private static WorkspaceResource Wanted(string? instanceType) => new()
    {
        Metadata = new() { Name = "phi", Namespace = "default" },
        Resource = new()
        {
            InstanceType = instanceType,
            LabelSelector = new() { MatchLabels = ImmutableSortedDictionary<string, string>.Empty.Add("apps", "phi") },
        },
        Inference = new() { Preset = new() { Name = "phi-3.5-mini-instruct" } },
    };
}

/// <summary>On the dev cluster, whose pods are real inference hosts with the tiny model.</summary>
public sealed class DevClusterNodeProvisionerTests : NodeProvisionerScenario
{
    private protected override Task<ScenarioServer> StartServerAsync() => ScenarioServer.DevClusterAsync();
}

/// <summary>On a real kube-apiserver and controller-manager.</summary>
public sealed class ControlPlaneNodeProvisionerTests : NodeProvisionerScenario
{
    private protected override Task<ScenarioServer> StartServerAsync() => ScenarioServer.ControlPlaneAsync();
}
