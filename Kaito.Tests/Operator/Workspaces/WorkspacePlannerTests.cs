using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
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
            Claims = [Claim(
                new() { Type = "Launched", Status = "False", Reason = "QuotaExceeded", Message = "no quota" })],
        });

        var condition = Assert.Single(plan.Conditions, static c => c.Type == ConditionTypes.ResourceReady);
        Assert.Equal(("False", "QuotaExceeded"), (condition.Status, condition.Reason));
        Assert.StartsWith(
            "no quota Next: ask the cloud for more quota of Standard_NC24ads_A100_v4, ", condition.Message,
            StringComparison.Ordinal);
        Assert.IsType<ControllerRevision>(Assert.Single(plan.Apply));
        Assert.Contains(plan.Events, static e => e is { Warning: true, Reason: "QuotaExceeded" });
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

        Assert.Equal("old/inference-host:0.9", Image(plan));
    }

    [Theory]
    [InlineData(null, "old/inference-host:0.9")]
    [InlineData("0.8", "old/inference-host:0.9")] // of an upgrade that is over
    [InlineData("1.0", "kaito/inference-host:1.0")]
    public void Plan_LabelAsksForAnImage_IsHeardWhenItIsThisOperators(string? label, string image)
    {
        var observed = WithNode(new() { Workload = Running(ready: 1) });
        var resource = Resource();
        var labelled = label is null ? resource : resource with
        {
            Metadata = resource.Metadata with
            {
                Labels = ImmutableSortedDictionary<string, string>.Empty.Add(Labels.UpgradeToVersion, label),
            },
        };

        Assert.Equal(image, Image(Plan(observed, labelled)));
    }

    [Fact]
    public void Plan_WorkloadOfAnotherRevision_TakesTheImageOfThisOperator()
    {
        var old = Running(ready: 1);
        old = old with
        {
            Metadata = old.Metadata with
            {
                Annotations = ImmutableSortedDictionary<string, string>.Empty.Add(Annotations.Revision, "7"),
            },
        };

        Assert.Equal("kaito/inference-host:1.0", Image(Plan(WithNode(new() { Workload = old }))));
    }

    [Fact]
    public void Plan_WorkloadRollingOut_IsNotServing()
    {
        var running = Running(ready: 1);
        var rolling = running with { Status = running.Status! with { CurrentRevision = "a", UpdateRevision = "b" } };

        var plan = Plan(WithNode(new() { Workload = rolling, Status = new() { State = WorkspaceStates.Ready } }));

        Assert.Equal(WorkspaceStates.NotReady, plan.State);
    }

    [Fact]
    public void Plan_OwnedObjectsThatNothingNames_AreRemovedAndTheOthersStay()
    {
        var plan = Plan(WithNode(new()
        {
            Workload = Running(ready: 1),
            Owned =
            [
                new Service { Metadata = new() { Name = "phi" } },
                new Service { Metadata = new() { Name = "phi-old" } },
                new ConfigMap { Metadata = new() { Name = "phi" } },
                Running(ready: 1),
            ],
        }));

        Assert.Equal(
            ["Service phi-old", "ConfigMap phi"], plan.Remove.Select(static o => $"{o.Kind} {o.Metadata.Name}"));
    }

    [Fact]
    public void Plan_PodsAreFoundByOtherLabels_WorkloadGoesBeforeItComesAgain()
    {
        var running = Running(ready: 1);
        var other = running with { Spec = running.Spec! with { ServiceName = "other" } };

        var plan = Plan(WithNode(new() { Workload = other, Owned = [other] }));

        Assert.Same(other, Assert.Single(plan.Remove));
        Assert.DoesNotContain(plan.Apply, static o => o is StatefulSet);
    }

    [Fact]
    public void Plan_FourClaimsForOneNode_TheThreeThatCostLeastGo()
    {
        var node = new[] { "a", "b", "c" }.Select(static n => Claim(new() { Type = "Ready", Status = "True" }, n));
        var plan = Plan(WithNode(new()) with
        {
            Claims = [.. node, Claim(new() { Type = "Ready", Status = "False" }, "d")],
            Pods = [new() { Metadata = new() { Name = "phi-0" }, Spec = new() { NodeName = "node-c" } }],
        });

        Assert.Equal(["d", "b", "a"], plan.Remove.Select(static o => o.Metadata.Name));
    }

    [Theory]
    [InlineData(true, "old")]
    [InlineData(false)]
    public void Plan_InstanceTypeChanged_OldClaimGoesOnceTheNewOneServes(bool ready, params string[] removed)
    {
        var old = Claim(new() { Type = "Ready", Status = "True" }, "old") with
        {
            Spec = new() { Requirements = [new() { Key = Labels.InstanceType, Values = ["Standard_NC6s_v3"] }] },
        };
        var observed = WithNode(new());
        observed = observed with { Claims = ready ? [old, .. observed.Claims] : [old] };

        var plan = Plan(observed);

        Assert.Equal(removed, plan.Remove.Select(static o => o.Metadata.Name!));
        Assert.Equal(ready ? 0 : 1, plan.Apply.OfType<NodeClaim>().Count());
    }

    [Fact]
    public void Plan_ClaimTakenAwayByTheProvider_CauseStaysUntilTheNextTells()
    {
        var before = new WorkspaceStatus
        {
            Conditions = [WorkspaceConditions.Unmet(ConditionTypes.NodeClaimReady, "NoCapacity", "none free")],
        };

        var plan = Plan(new() { Status = before });

        Assert.Equal(("NoCapacity", "none free"), (plan.Conditions[0].Reason, plan.Conditions[0].Message));
        Assert.Single(plan.Apply.OfType<NodeClaim>());
    }

    [Fact]
    public void Plan_UserConfig_ReachesTheHostsSettings()
    {
        var map = new ConfigMap
        {
            Data = ImmutableSortedDictionary<string, string>.Empty.Add(
                "inference_config.yaml", "vllm:\n  max-model-len: 2048\n  max-num-seqs: 3\n  swap-space: 4\n"),
        };

        var plan = Plan(WithNode(new() { UserConfig = map }), Resource(config: "mine"));

        var settings = JsonNode.Parse(plan.Apply.OfType<ConfigMap>().Single().Data!["inference.json"])!;
        Assert.Equal((2048, 3, 256), (
            (int)settings["maxModelLength"]!, (int)settings["maxSequences"]!, (int)settings["queueCapacity"]!));
        Assert.Contains(plan.Events, static e => e.Message.Contains("vllm.swap-space", StringComparison.Ordinal));
    }

    [Fact]
    public void Plan_UserConfigMissing_NamesFieldConfigMapAndRemedy()
    {
        var plan = Plan(new(), Resource(config: "mine"));

        Assert.Equal(
            "inference.config: ConfigMap \"mine\" is not in namespace \"team\". Create it with the key "
            + "inference_config.yaml, or remove inference.config.", plan.Conditions[0].Message);
        Assert.Empty(plan.Apply);
    }

    [Fact]
    public void Plan_UnknownPreset_NamesFieldAndValue()
    {
        var plan = Plan(new(), Resource(preset: "phi-99"));

        Assert.Equal(WorkspaceStates.Failed, plan.State);
        Assert.Contains("inference.preset.name: ", plan.Conditions[0].Message, StringComparison.Ordinal);
        Assert.Contains("phi-99", plan.Conditions[0].Message, StringComparison.Ordinal);
    }

    private static WorkspacePlan Plan(WorkspaceObservation observed, WorkspaceResource? resource = null) =>
        WorkspacePlanner.Plan(resource ?? Resource(), observed, s_options);

    private static WorkspaceResource Resource(
        string preset = "phi-3.5-mini-instruct", string? runtime = null, string? config = null) => new()
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
            Inference = new() { Preset = new() { Name = preset }, Runtime = runtime, Config = config },
        };

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

    private static string? Image(WorkspacePlan plan) =>
        plan.Apply.OfType<StatefulSet>().Single().Spec!.Template!.Spec!.Containers!.Value[0].Image;

    private static NodeClaim Claim(StatusCondition condition, string name = "claim") => new()
    {
        Metadata = new() { Name = name },
        Status = new()
        {
            NodeName = condition is { Type: "Ready", Status: "True" } ? $"node-{name}" : null,
            Conditions = [condition],
        },
    };

    private static StatefulSet Running(int ready) => new()
    {
        Metadata = new() { Name = "phi", Namespace = "team" },
        Spec = new()
        {
            Replicas = 1,
            ServiceName = "phi-headless",
            PodManagementPolicy = "Parallel",
            Selector = new()
            {
                MatchLabels = ImmutableSortedDictionary<string, string>.Empty.Add(Labels.Workspace, "phi"),
            },
            Template = new() { Spec = new() { Containers = [new() { Image = "old/inference-host:0.9" }] } },
        },
        Status = new() { ReadyReplicas = ready },
    };

    private static void Match(string name, WorkspacePlan plan)
    {
        var objects = plan.Apply.Select(
            static o => JsonNode.Parse(KubeKinds.Describe(o).Json)!.ToJsonString(s_indented));
        Golden.Match(string.Join("\n---\n", objects), $"Cases/{name}/apply.golden.json");
        Golden.Match(
            string.Join('\n', plan.Conditions.Select(static c => $"{c.Type} {c.Status} {c.Reason}: {c.Message}")),
            $"Cases/{name}/conditions.golden.txt");
    }
}
