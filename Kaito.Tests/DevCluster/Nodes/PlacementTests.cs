using System.Text.Json.Nodes;
using Kaito.DevCluster.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.Tests.DevCluster.Nodes;

public sealed class PlacementTests
{
    private static readonly JsonObject s_local = NodeRendering.Local(4, 8L << 30, DateTimeOffset.UnixEpoch);
    private static readonly JsonObject s_gpu = NodeRendering.Node(
        (JsonObject)JsonNode.Parse(NodeClaimReconcilerTests.Claim("c", "Standard_NC24ads_A100_v4"))!,
        InstanceTypes.Find("Standard_NC24ads_A100_v4")!,
        DateTimeOffset.UnixEpoch);

    private const string Tolerant = """ "tolerations": [{ "key": "sku", "value": "gpu", "effect": "NoSchedule" }] """;

    [Fact]
    public void Plan_PodWithoutNeeds_GoesToTheLocalNode() =>
        Assert.Equal(new Placement.Bound("local"), Placement.Plan(Pod("", Tolerant), [s_gpu, s_local], []));

    [Fact]
    public void Plan_GpuPod_GoesToTheGpuNode_UntilItIsFull()
    {
        var pod = Pod("1", Tolerant);
        Assert.Equal(new Placement.Bound("node-c"), Placement.Plan(pod, [s_local, s_gpu], []));

        var bound = Pod("1", Tolerant);
        bound.Child("spec")["nodeName"] = "node-c";
        var full = Assert.IsType<Placement.Unschedulable>(Placement.Plan(pod, [s_local, s_gpu], [bound]));
        Assert.Equal("0/2 nodes are available: 2 Insufficient nvidia.com/gpu.", full.Message);
    }

    [Fact]
    public void Plan_UntoleratedTaint_IsNamed()
    {
        var refused = Assert.IsType<Placement.Unschedulable>(Placement.Plan(Pod("1", "\"x\": 1"), [s_gpu], []));
        Assert.Equal("0/1 nodes are available: 1 node(s) had untolerated taint {sku: gpu}.", refused.Message);
    }

    [Theory]
    [InlineData("In", "w", true)]
    [InlineData("In", "other", false)]
    [InlineData("NotIn", "other", true)]
    public void Plan_RequiredAffinity_Decides(string @operator, string value, bool fits)
    {
        var pod = Pod("1", Tolerant + $$"""
            , "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [
              { "matchExpressions": [{ "key": "kaito.sh/workspace", "operator": "{{@operator}}", "values": ["{{value}}"] }] }
            ] } } }
            """);
        Assert.Equal(fits, Placement.Plan(pod, [s_gpu], []) is Placement.Bound);
    }

    [Theory]
    [InlineData("500m", 0.5)]
    [InlineData("2", 2)]
    [InlineData("16Gi", 17179869184)]
    [InlineData("1e3", 1000)]
    public void Parse_Quantity_IsItsNumber(string text, double expected) =>
        Assert.Equal((decimal)expected, Quantity.Parse(text));

    private static JsonObject Pod(string gpus, string spec) => (JsonObject)JsonNode.Parse(
        $$"""
        { "metadata": { "name": "p" }, "spec": { {{spec}}, "containers": [{
          "name": "c", "resources": { "limits": { {{(gpus.Length > 0 ? $"\"nvidia.com/gpu\": \"{gpus}\"" : "")}} } }
        }] } }
        """)!;
}
