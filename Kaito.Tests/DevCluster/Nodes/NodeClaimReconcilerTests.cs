using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Nodes;
using Kaito.DevCluster.Storage;
using Kaito.Tests.DevCluster.Controllers;

namespace Kaito.Tests.DevCluster.Nodes;

public sealed class NodeClaimReconcilerTests
{
    [Fact]
    public async Task Reconcile_NewClaim_BecomesReadyWithALabelledGpuNode()
    {
        await using var cluster = await RunningCluster.StartAsync();

        cluster.Create(Resources.NodeClaims, Claim("ws1", "Standard_NC24ads_A100_v4"), clusterWide: true);

        var claim = await cluster.UntilAsync(Resources.NodeClaims, "ws1", c => Conditions.IsTrue(c, "Ready"));
        Assert.All(["Launched", "Registered", "Initialized"], stage => Assert.True(Conditions.IsTrue(claim, stage)));
        var node = cluster.Find(Resources.Nodes, claim.Text("status", "nodeName")!, clusterWide: true)!;
        Assert.Equal("1", node.Text("status", "allocatable", "nvidia.com/gpu"));
        Assert.Equal("Standard_NC24ads_A100_v4", node.Text("metadata", "labels", "node.kubernetes.io/instance-type"));
        Assert.Equal("w", node.Text("metadata", "labels", "kaito.sh/workspace"));
        Assert.Equal("sku", node.Objects("spec", "taints").Single().Text("key"));
        Assert.Equal(claim.Text("status", "providerID"), node.Text("spec", "providerID"));
        Assert.True(Conditions.IsTrue(node, "Ready"));
    }

    [Fact]
    public async Task Reconcile_DeletedClaim_TakesItsNodeAlong()
    {
        await using var cluster = await RunningCluster.StartAsync();
        cluster.Create(Resources.NodeClaims, Claim("ws1", "Standard_NC6s_v3"), clusterWide: true);
        await cluster.UntilAsync(Resources.NodeClaims, "ws1", c => Conditions.IsTrue(c, "Ready"));

        cluster.Store.Delete(new(Resources.NodeClaims, null, "ws1"), DeleteRequest.Default);

        await cluster.UntilAsync(Resources.NodeClaims, all => all.Count == 0, "the claim stays");
        Assert.Equal(["local"], cluster.Store.List(Resources.Nodes).Items.Select(n => n.Name));
    }

    [Fact]
    public async Task Reconcile_LostNode_DeletesTheClaim()
    {
        await using var cluster = await RunningCluster.StartAsync();
        cluster.Create(Resources.NodeClaims, Claim("ws1", "Standard_NC6s_v3"), clusterWide: true);
        await cluster.UntilAsync(Resources.NodeClaims, "ws1", c => Conditions.IsTrue(c, "Ready"));

        cluster.Store.Delete(new(Resources.Nodes, null, "node-ws1"), DeleteRequest.Default);

        await cluster.UntilAsync(Resources.NodeClaims, all => all.Count == 0, "the claim stays");
    }

    [Theory]
    [InlineData("no-quota", "QuotaExceeded")]
    [InlineData("no-capacity", "InsufficientCapacity")]
    public async Task Reconcile_FailureByAnnotation_IsReportedAndHealsWhenTheAnnotationGoes(string mode, string reason)
    {
        await using var cluster = await RunningCluster.StartAsync();
        cluster.Create(Resources.NodeClaims, Claim("ws1", "Standard_NC6s_v3", mode), clusterWide: true);

        var claim = await cluster.UntilAsync(Resources.NodeClaims, "ws1", c => Conditions.Find(c, "Launched") is not null);
        Assert.Equal("False", Conditions.Find(claim, "Launched")?.Text("status"));
        Assert.Equal(reason, Conditions.Find(claim, "Launched")?.Text("reason"));
        Assert.Contains("Standard_NC6s_v3", Conditions.Find(claim, "Launched")?.Text("message"), StringComparison.Ordinal);

        cluster.Store.Modify(new(Resources.NodeClaims, null, "ws1"), c => c.Child("metadata").Remove("annotations"));
        await cluster.UntilAsync(Resources.NodeClaims, "ws1", c => Conditions.IsTrue(c, "Ready"));
    }

    [Fact]
    public void Plan_BeforeTheDelay_WaitsAndRechecksWhenItIsOver()
    {
        var claim = (System.Text.Json.Nodes.JsonObject)System.Text.Json.Nodes.JsonNode.Parse(Claim("ws1", "Standard_NC6s_v3"))!;
        claim.Child("metadata")["creationTimestamp"] = "1970-01-01T00:00:00Z";

        var plan = NodeClaimPlanner.Plan(
            claim, null, (ProvisioningMode.Ok, TimeSpan.FromSeconds(20)), DateTimeOffset.UnixEpoch.AddSeconds(5));

        Assert.Equal(TimeSpan.FromSeconds(15), plan.RecheckAfter);
        Assert.Null(plan.Node);
        claim["status"] = plan.Status;
        Assert.Equal("AwaitingReconciliation", Conditions.Find(claim, "Launched")?.Text("reason"));
    }

    [Fact]
    public void Plan_UnknownInstanceType_NamesIt()
    {
        var claim = (System.Text.Json.Nodes.JsonObject)System.Text.Json.Nodes.JsonNode.Parse(Claim("ws1", "Standard_Nothing"))!;

        var plan = NodeClaimPlanner.Plan(claim, null, (ProvisioningMode.Ok, TimeSpan.Zero), DateTimeOffset.UnixEpoch);

        Assert.Equal("InstanceTypeUnknown", plan.Failure?.Reason);
        Assert.Contains("Standard_Nothing", plan.Failure?.Message, StringComparison.Ordinal);
    }

    internal static string Claim(string name, string type, string mode = "ok") =>
        $$"""
        {
          "apiVersion": "karpenter.sh/v1", "kind": "NodeClaim",
          "metadata": {
            "name": "{{name}}", "labels": { "kaito.sh/workspace": "w" },
            "annotations": { "devcluster.kaito.sh/provisioning": "{{mode}}" }
          },
          "spec": {
            "nodeClassRef": { "group": "kaito.sh", "kind": "KaitoNodeClass", "name": "default" },
            "requirements": [
              { "key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["{{type}}"] }
            ],
            "taints": [{ "key": "sku", "value": "gpu", "effect": "NoSchedule" }]
          }
        }
        """;
}
