using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core;
using Kaito.Core.Api;
using Kaito.Core.Catalog;
using Kaito.Core.Hardware;
using Kaito.Core.Kubernetes;
using Kaito.Core.Workspaces;
using Kaito.Operator;
using Kaito.Operator.Cluster;
using Kaito.Operator.Workspaces;

namespace Kaito.Tests.Operator.Workspaces;

public sealed class WorkspacePlannerTests
{
    private static readonly OperatorOptions s_options = new() { ImageTag = "1.0" };
    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    [Fact]
    public void Plan_NothingThere_AsksForNodesOnly() => Match("nothing-there", Plan(new()));

    [Fact]
    public void Plan_NodeReady_RendersTheWorkload() => Match("node-ready", Plan(WithNode(new())));

    [Fact]
    public void Plan_PodReady_EveryConditionHolds()
    {
        var plan = Plan(WithNode(new() { Workload = Running(ready: 1) }));

        Assert.All(plan.Conditions, static c => Assert.Equal(Condition.True, c.Status));
        Assert.Equal(WorkspaceStates.Ready, plan.State);
        Assert.Equal(["node-1"], plan.WorkerNodes);
    }

    [Fact]
    public void Plan_ClaimFailed_ItsReasonAndMessageReachResourceReady()
    {
        var plan = Plan(new()
        {
            Claims = [Claim(new() { Type = "Launched", Status = "False", Reason = "QuotaExceeded", Message = "no quota" })],
        });

        var condition = Assert.Single(plan.Conditions, static c => c.Type == ConditionTypes.ResourceReady);
        Assert.Equal(("False", "QuotaExceeded", "no quota"), (condition.Status, condition.Reason, condition.Message));
        Assert.Empty(plan.Apply);
    }

    [Fact]
    public void Plan_NodeLostAfterServing_WorkloadStaysAndStateIsNotReady()
    {
        var plan = Plan(new()
        {
            Workload = Running(ready: 0),
            Status = new() { State = WorkspaceStates.Ready },
        });

        Assert.Contains(plan.Apply, static o => o is StatefulSet);
        Assert.Equal(WorkspaceStates.NotReady, plan.State);
    }

    [Fact]
    public void Plan_OperatorUpgraded_RunningImageStays()
    {
        var plan = Plan(WithNode(new() { Workload = Running(ready: 1) }));

        var workload = Assert.IsType<StatefulSet>(plan.Apply[^1]);
        Assert.Equal("old/inference-host:0.9", workload.Spec!.Template!.Spec!.Containers!.Value[0].Image);
    }

    [Fact]
    public void Plan_RuntimeVllm_SaysThatItIsNotAvailableAndAsksForNothing()
    {
        var plan = Plan(new(), runtime: "vllm");

        Assert.Empty(plan.Apply);
        Assert.All(plan.Conditions, static c => Assert.Equal(("False", "NotAvailable"), (c.Status, c.Reason)));
        Assert.Contains("Runtime vllm is not available", plan.Conditions[0].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Reject_UnknownPreset_NamesFieldAndValue()
    {
        Assert.False(Parse(preset: "phi-99").TryGet(out _, out var errors));

        var plan = WorkspacePlanner.Reject(errors);

        Assert.Equal(WorkspaceStates.Failed, plan.State);
        Assert.Contains("inference.preset.name: ", plan.Conditions[0].Message, StringComparison.Ordinal);
        Assert.Contains("phi-99", plan.Conditions[0].Message, StringComparison.Ordinal);
    }

    private static WorkspacePlan Plan(WorkspaceObservation observed, string? runtime = null)
    {
        Assert.True(Parse(runtime: runtime).TryGet(out var workspace, out var errors), string.Join('\n', errors));
        return WorkspacePlanner.Plan(workspace, observed, s_options);
    }

    private static Validated<Workspace> Parse(string preset = "phi-3.5-mini-instruct", string? runtime = null) =>
        WorkspaceParser.Parse(
            new()
            {
                Metadata = new() { Name = "phi", Namespace = "team", Uid = "u-1", Generation = 1 },
                Resource = new()
                {
                    InstanceType = "Standard_NC24ads_A100_v4",
                    LabelSelector = new()
                    {
                        MatchLabels = ImmutableSortedDictionary<string, string>.Empty.Add("apps", "phi"),
                    },
                },
                Inference = new() { Preset = new() { Name = preset }, Runtime = runtime },
            },
            ModelCatalog.Default,
            SkuCatalog.Azure);

    private static WorkspaceObservation WithNode(WorkspaceObservation observed) => observed with
    {
        Claims = [Claim(new() { Type = "Ready", Status = "True" })],
        Nodes =
        [
            new()
            {
                Metadata = new()
                {
                    Name = "node-1",
                    Labels = ImmutableSortedDictionary<string, string>.Empty
                        .Add(Labels.InstanceType, "Standard_NC24ads_A100_v4").Add(Labels.NodePool, "kaito"),
                },
                Status = new()
                {
                    Capacity = ImmutableSortedDictionary<string, string>.Empty.Add("nvidia.com/gpu", "1"),
                    Conditions = [new() { Type = "Ready", Status = "True" }],
                },
            },
        ],
    };

    private static NodeClaim Claim(StatusCondition condition) =>
        new() { Metadata = new() { Name = "claim" }, Status = new() { Conditions = [condition] } };

    private static StatefulSet Running(int ready) => new()
    {
        Metadata = new() { Name = "phi", Namespace = "team" },
        Spec = new()
        {
            Replicas = 1,
            Template = new() { Spec = new() { Containers = [new() { Image = "old/inference-host:0.9" }] } },
        },
        Status = new() { ReadyReplicas = ready },
    };

    private static void Match(string name, WorkspacePlan plan)
    {
        var objects = plan.Apply.Select(static o => JsonNode.Parse(KubeKinds.Describe(o).Json)!.ToJsonString(s_indented));
        Golden.Match(string.Join("\n---\n", objects), $"Cases/{name}/apply.golden.json");
        Golden.Match(
            string.Join('\n', plan.Conditions.Select(static c => $"{c.Type} {c.Status} {c.Reason}: {c.Message}")),
            $"Cases/{name}/conditions.golden.txt");
    }
}
