using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Nodes;
using Kaito.DevCluster.Storage;
using Kaito.Operator.Nodes;

namespace Kaito.Tests.Operator.Scenarios.Faults;

/// <summary>Nodes that the user brings (<c>--node-provisioner byo</c>). Real time.</summary>
public sealed class ExistingNodeFaultTableTests(ExistingNodeFaultTableTests.Cluster cluster)
    : IClassFixture<ExistingNodeFaultTableTests.Cluster>
{
    private static readonly Fault[] s_faults =
    [
        new("no node has the labels")
        {
            Inject = static run => run.Store.Modify(Node(run), static n => n.Child("metadata", "labels")["apps"] = "other"),
            Expect = (ConditionTypes.NodesReady, "NodeNotReady",
                ["0 of 1 node(s) are ready, and 0 match resource.labelSelector (apps=row-", "Next: label nodes"]),
            Heal = static run => run.Store.Modify(
                Node(run), n => n.Child("metadata", "labels")["apps"] = run.Namespace),
        },
        new("the node is not ready")
        {
            Inject = static run => run.Store.ModifyStatus(Node(run), static n => Ready(n, "False")),
            Expect = (ConditionTypes.NodesReady, "NodeNotReady", ["byo-row-", "1 match resource.labelSelector", "Next: label nodes, or repair"]),
            Heal = static run => run.Store.ModifyStatus(Node(run), static n => Ready(n, "True")),
        },
        new("the node has not enough GPUs")
        {
            Inject = static run => run.Store.ModifyStatus(Node(run), static n => Gpus(n, "0")),
            Expect = (ConditionTypes.NodesReady, "NodePluginsNotReady",
                ["shows no nvidia.com/gpu for a pod that needs 1", "Next: install or repair NVIDIA's device plugin"]),
            Heal = static run => run.Store.ModifyStatus(Node(run), static n => Gpus(n, "1")),
        },
        new("the node goes while it serves")
        {
            Serving = true,
            Inject = static run => run.Store.Delete(Node(run), DeleteRequest.Default),
            Expect = (ConditionTypes.ResourceReady, "NodeNotReady", ["0 of 1 node(s) are ready", "Next: label nodes"]),
            Heal = static run => AddNode(run),
        },
    ];

    public static TheoryData<string> Names() => [.. s_faults.Select(static f => f.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public Task ExistingNodes_Fault_IsToldAndOvercome(string name)
    {
        var fault = s_faults.Single(f => f.Name == name);
        return FaultRun.RunAsync(cluster, fault with
        {
            Before = AddNode,
            Wanted = static w => w with { Resource = w.Resource! with { InstanceType = null } },
        });
    }

    private static ObjectKey Node(FaultRun run) => new(Resources.Nodes, null, $"byo-{run.Namespace}");

    private static void AddNode(FaultRun run)
    {
        var type = InstanceTypes.Find("Standard_NC24ads_A100_v4")!;
        var claim = new JsonObject
        {
            ["metadata"] = new JsonObject
            {
                ["name"] = "x",
                ["uid"] = "x",
                ["labels"] = new JsonObject { ["apps"] = run.Namespace },
            },
        };
        var node = NodeRendering.Node(claim, type, TimeProvider.System.GetUtcNow());
        node.Child("metadata").Remove("ownerReferences");
        node.Child("metadata")["name"] = Node(run).Name;
        run.Store.Create(Resources.Nodes, null, node);
        run.Store.ModifyStatus(Node(run), stored => stored["status"] = node["status"]!.DeepClone());
    }

    private static void Gpus(JsonObject node, string count) =>
        (node.Child("status", "capacity")["nvidia.com/gpu"], node.Child("status", "allocatable")["nvidia.com/gpu"]) =
            (count, count);

    private static void Ready(JsonObject node, string value) =>
        node.Objects("status", "conditions").Single(static c => c.Text("type") == "Ready")["status"] = value;

    /// <summary>Whose operator asks for no nodes.</summary>
    public sealed class Cluster : FaultCluster
    {
        public Cluster()
            : base(new() { NodeProvisioner = NodeProvisioner.Existing })
        {
        }
    }
}
