using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.Tests.Operator.Scenarios.Faults;

/// <summary>Nodes that do not come, do not fit, or go. Real time, but where a row says otherwise.</summary>
public sealed class NodeFaultTableTests(FaultCluster cluster) : IClassFixture<FaultCluster>
{
    private const string Gpu = "nvidia.com/gpu";
    private const string A100 = "Standard_NC24ads_A100_v4";

    private static readonly Fault[] s_faults =
    [
        new("the subscription has no quota")
        {
            Inject = Cloud(ProvisioningMode.NoQuota),
            Expect = (ConditionTypes.ResourceReady, "QuotaExceeded", ["quota is 0", "Next: ask the cloud for more quota"]),
        },
        new("the region has no capacity")
        {
            Inject = Cloud(ProvisioningMode.NoCapacity),
            Expect = (ConditionTypes.ResourceReady, "InsufficientCapacity", ["no free machine", "Next: wait, or choose another"]),
        },
        new("the instance type is unknown")
        {
            Wanted = static w => w with { Resource = w.Resource! with { InstanceType = "Standard_Bogus" } },
            Inject = static _ => { },
            Expect = (ConditionTypes.ResourceReady, "WorkspaceInvalid", ["resource.instanceType", "Standard_Bogus"]),
            Heal = static run => run.Replace(static w => w),
        },
        new("the instance type is not in the region")
        {
            Inject = static run => run.Trouble.Claim = Failing(
                "InstanceTypeUnknown", $"instance type {A100} does not exist in this region"),
            Expect = (ConditionTypes.ResourceReady, "InstanceTypeUnknown",
                ["does not exist", "Next: choose a resource.instanceType that the region has"]),
        },
        new("the node provisioner may not make machines")
        {
            Inject = static run => run.Trouble.Claim = Failing(
                "LaunchFailed", "AuthorizationFailed: the client has no permission to create agent pools"),
            Expect = (ConditionTypes.NodeClaimReady, "LaunchFailed",
                ["AuthorizationFailed", "Next: grant the node provisioner's identity"]),
        },
        new("the next instance type is asked for when the first has no capacity")
        {
            Wanted = static w => w with
            {
                Resource = w.Resource! with { FallbackInstanceTypes = ["Standard_NC40ads_H100_v5"] },
            },
            Inject = static run => run.Trouble.Cloud = static type =>
                type == A100 ? ProvisioningMode.NoCapacity : ProvisioningMode.Ok,
            Expect = (ConditionTypes.ResourceReady, "InsufficientCapacity", ["no free machine"]),
            Heal = null,
            After = static run => Assert.Equal(
                "Standard_NC40ads_H100_v5", run.Store.Get(run.Node)!.Text("metadata", "labels", Labels.InstanceType)),
        },
        new("the node has a taint that pods do not tolerate")
        {
            Inject = static run => run.Trouble.Node = static node => node.Child("spec")["taints"] =
                new JsonArray(new JsonObject { ["key"] = "team", ["value"] = "a", ["effect"] = "NoSchedule" }),
            Expect = (ConditionTypes.InferenceReady, "Unschedulable",
                ["untolerated taint {team: a}", "Next: remove the taint from the node"]),
            Heal = static run =>
            {
                run.Trouble.Node = null;
                run.Store.Modify(run.Node, static node => node.Child("spec").Remove("taints"));
            },
        },
        new("the node shows no GPU")
        {
            Inject = static run => run.Trouble.Node = static node =>
            {
                node.Child("status", "capacity").Remove(Gpu);
                node.Child("status", "allocatable").Remove(Gpu);
            },
            Expect = (ConditionTypes.NodesReady, "NodePluginsNotReady",
                ["shows no nvidia.com/gpu", "Next: install or repair NVIDIA's device plugin"]),
            Heal = static run =>
            {
                run.Trouble.Node = null;
                run.NodeStatus(static s =>
                    (s.Child("capacity")[Gpu], s.Child("allocatable")[Gpu]) = ("1", "1"));
            },
        },
        new("the node is not ready any more")
        {
            Serving = true,
            Inject = static run => run.NodeStatus(static s => Ready(s, "False", "KubeletNotReady", "the runtime is down")),
            Expect = (ConditionTypes.NodesReady, "NodeNotReady",
                ["the runtime is down", "Next: repair the node"]),
            Heal = static run => run.NodeStatus(static s => Ready(s, "True", "KubeletReady", "")),
        },
        new("the node's kubelet is silent")
        {
            Serving = true,
            Inject = static run => run.NodeStatus(
                static s => Ready(s, "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")),
            Expect = (ConditionTypes.ResourceReady, "NodeNotReady", ["Kubelet stopped posting", "Next: repair the node"]),
            Heal = static run => run.NodeStatus(static s => Ready(s, "True", "KubeletReady", "")),
        },
        new("the node is deleted")
        {
            Serving = true,
            Inject = static run => run.Store.Delete(run.Node, DeleteRequest.Default),
            Expect = (ConditionTypes.WorkspaceSucceeded, "workspacePending", ["workspace is waiting"]),
            Heal = null,
        },
        new("the NodeClaim is deleted by hand")
        {
            Serving = true,
            Inject = static run => run.Store.Delete(
                Resources.NodeClaims.KeyOf(run.Claim), DeleteRequest.Default),
            Expect = (ConditionTypes.NodeClaimReady, "NodeClaimNotReady", ["Ready NodeClaims are not enough"]),
            Heal = null,
        },
        new("the NodeClaim is not answered, and is replaced in time (20 simulated minutes)")
        {
            Inject = static run => run.Trouble.Cloud = static _ => null,
            Expect = (ConditionTypes.NodeClaimReady, "NodeClaimNotReady",
                ["nothing is told yet of NodeClaim ws", "Next: wait, or see that the node provisioner runs"]),
            Heal = static run =>
            {
                var silent = run.Claim.Uid;
                run.Cluster.Clock.Advance(TimeSpan.FromMinutes(20));
                run.Wait(() => run.Claims.All(c => c.Uid != silent) && run.Claims.Any(), "another NodeClaim takes its place");
            },
        },
    ];

    public static TheoryData<string> Names() => [.. s_faults.Select(static f => f.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public Task Nodes_Fault_IsToldAndOvercome(string name) =>
        FaultRun.RunAsync(cluster, s_faults.Single(f => f.Name == name));

    private static Action<FaultRun> Cloud(ProvisioningMode mode) => run => run.Trouble.Cloud = _ => mode;

    private static Func<JsonObject, string> Failing(string reason, string message) => _ => $$"""
        {"conditions":[{"type":"Launched","status":"False","reason":"{{reason}}","message":"{{message}}",
           "lastTransitionTime":"2026-01-01T00:00:00Z"},
          {"type":"Ready","status":"False","reason":"{{reason}}","message":"{{message}}",
           "lastTransitionTime":"2026-01-01T00:00:00Z"}]}
        """;

    private static void Ready(JsonObject status, string value, string reason, string message)
    {
        var ready = status.Objects("conditions").Single(static c => c.Text("type") == "Ready");
        (ready["status"], ready["reason"], ready["message"]) = (value, reason, message);
    }
}
