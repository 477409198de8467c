using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;

namespace Kaito.Tests.Operator.Scenarios;

/// <summary>Nodes that do not come: the cause and the next step are told, and nobody has to restart anything.</summary>
public sealed class NodeFaultTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(
        "no-quota", "QuotaExceeded", "quota is 0", "Next: ask the cloud for more quota of Standard_NC24ads_A100_v4")]
    [InlineData("no-capacity", "InsufficientCapacity", "no free machine", "Next: wait, or choose another")]
    public async Task Workspace_CloudRefuses_SaysWhyAndServesOnceTheFaultIsGone(
        string mode, string reason, string cause, string action)
    {
        await using var server = await ScenarioServer.DevClusterAsync("--node-mode", mode);
        await using var cluster = await ClusterFixture.StartAsync(server.Kubeconfig, Stop);
        await cluster.Api.CreateAsync(KubeKinds.Workspaces, Wanted(), Stop);

        var told = await ConditionAsync(cluster, ConditionTypes.ResourceReady, reason);
        Assert.Contains(cause, told.Message, StringComparison.Ordinal);
        Assert.Contains(action, told.Message, StringComparison.Ordinal);
        var events = await ClusterFixture.UntilAsync(
            async () => (await cluster.Api.ListAsync(KubeKinds.Events, "default", null, Stop)).Items
                .FirstOrDefault(e => e.Reason == reason && e.InvolvedObject?.Name == "phi"),
            "an event tells it", Stop);
        Assert.Equal("Warning", events.Type);

        // The cloud gives the machine after all.
        var claim = Assert.Single((await cluster.Api.ListAsync(KubeKinds.NodeClaims, null, null, Stop)).Items);
        await cluster.Api.PatchAsync(
            KubeKinds.NodeClaims, claim,
            new()
            {
                ["metadata"] = new JsonObject
                {
                    ["annotations"] = new JsonObject { ["devcluster.kaito.sh/provisioning"] = "ok" },
                },
            },
            status: false, Stop);

        await ConditionAsync(cluster, ConditionTypes.ResourceReady, "workspaceResourceStatusSuccess");
        await ConditionAsync(cluster, ConditionTypes.WorkspaceSucceeded, "workspaceSucceeded");
    }

    [Fact]
    public async Task Workspace_NodeLost_AsksForAnotherAndServesAgain()
    {
        await using var server = await ScenarioServer.DevClusterAsync();
        await using var cluster = await ClusterFixture.StartAsync(server.Kubeconfig, Stop);
        await cluster.Api.CreateAsync(KubeKinds.Workspaces, Wanted(), Stop);
        await ConditionAsync(cluster, ConditionTypes.WorkspaceSucceeded, "workspaceSucceeded");
        var claim = Assert.Single((await cluster.Api.ListAsync(KubeKinds.NodeClaims, null, null, Stop)).Items);

        await cluster.Api.DeleteAsync(claim, Stop);

        try
        {
            await ClusterFixture.UntilAsync(
                async () => IsServing(
                    await cluster.Api.GetAsync(KubeKinds.Workspaces, "default", "phi", Stop),
                    (await cluster.Api.ListAsync(KubeKinds.NodeClaims, null, null, Stop)).Items,
                    claim)
                    ? ""
                    : null,
                "the Workspace serves on another NodeClaim's node", Stop);
        }
        catch (TimeoutException late)
        {
            Assert.Fail($"{late.Message} {await StateAsync(cluster)}");
        }
    }

    // On one claim's node, which is not the lost one's.
    private static bool IsServing(WorkspaceResource? workspace, IEnumerable<NodeClaim> claims, NodeClaim lost) =>
        workspace?.Status is { State: WorkspaceStates.Ready, WorkerNodes: [var node] }
        && claims.ToArray() is [var claim] && claim.Metadata.Uid != lost.Metadata.Uid && claim.Status?.NodeName == node;

    private static async Task<string> StateAsync(ClusterFixture cluster)
    {
        var workspace = await cluster.Api.GetAsync(KubeKinds.Workspaces, "default", "phi", Stop);
        var claims = (await cluster.Api.ListAsync(KubeKinds.NodeClaims, null, null, Stop)).Items;
        var pods = (await cluster.Api.ListAsync(KubeKinds.Pods, null, null, Stop)).Items;
        return $"{JsonSerializer.Serialize(workspace?.Status)} "
            + string.Join(' ', claims.Select(static c => $"{c.Metadata.Name}={c.Status?.NodeName}"))
            + string.Join(' ', pods.Select(static p => $" {p.Metadata.Name}={JsonSerializer.Serialize(p.Status)}"));
    }

    private static Task<Condition> ConditionAsync(ClusterFixture cluster, string type, string reason) =>
        ClusterFixture.UntilAsync(
            async () => (await cluster.Api.GetAsync(KubeKinds.Workspaces, "default", "phi", Stop))?.Status?.Conditions?
                .FirstOrDefault(c => c.Type == type && c.Reason == reason),
            $"{type} has the reason {reason}", Stop);

    private static WorkspaceResource Wanted() => new()
    {
        Metadata = new() { Name = "phi", Namespace = "default" },
        Resource = new()
        {
            InstanceType = "Standard_NC24ads_A100_v4",
            LabelSelector = new() { MatchLabels = ImmutableSortedDictionary<string, string>.Empty.Add("apps", "phi") },
        },
        Inference = new() { Preset = new() { Name = "phi-3.5-mini-instruct" } },
    };
}
