using System.Collections.Immutable;
using System.Globalization;
using Kaito.Core;
using Kaito.Core.Api;
using Kaito.Core.InferenceSets;
using Kaito.Operator.InferenceSets;

namespace Kaito.Tests.Operator.InferenceSets;

public sealed class InferenceSetPlannerTests
{
    private static readonly DateTimeOffset s_start = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Plan_NothingThere_MakesEveryReplicaUnderANameOfItsOwn()
    {
        var plan = InferenceSetPlanner.Plan(Set(3), []);

        Assert.Equal(3, plan.Apply.Select(static w => w.Metadata.Name).Distinct().Count());
        Assert.All(plan.Apply, static w => Assert.StartsWith("phi-", w.Metadata.Name, StringComparison.Ordinal));
        Assert.All(plan.Apply, static w => Assert.Equal("set-uid", Assert.Single(w.Metadata.OwnerReferences!.Value).Uid));
        Assert.Empty(plan.Delete);
        Assert.Equal("False inferencesetNotReady inferenceset is not ready, 0/3 replicas are ready", Shown(plan));
    }

    [Fact]
    public void Plan_SameAgain_GivesTheSameNames() => Assert.Equal(
        InferenceSetPlanner.Plan(Set(3), []).Apply.Select(static w => w.Metadata.Name),
        InferenceSetPlanner.Plan(Set(3), []).Apply.Select(static w => w.Metadata.Name));

    [Fact]
    public void Plan_AllReady_WritesNothing()
    {
        var plan = InferenceSetPlanner.Plan(Set(2), Replicas(Set(2), "ready ready"));

        Assert.Empty(plan.Apply);
        Assert.Empty(plan.Delete);
        Assert.Equal("True inferencesetReady inferenceset is ready", Shown(plan));
    }

    [Fact]
    public void Plan_NoReplicasWanted_IsReady() =>
        Assert.Equal("True inferencesetReady inferenceset is ready", Shown(InferenceSetPlanner.Plan(Set(0), [])));

    [Fact]
    public void Plan_OneIsBeingDeleted_IsReplacedUnderAnotherName()
    {
        var plan = InferenceSetPlanner.Plan(Set(2), Replicas(Set(2), "ready deleting"));

        Assert.DoesNotContain(Assert.Single(plan.Apply).Metadata.Name, Replicas(Set(2), "ready deleting").Select(static w => w.Metadata.Name));
        Assert.Empty(plan.Delete);
    }

    [Theory]
    [InlineData("ready pending ready", 2, "1")] // not ready first
    [InlineData("ready stale ready", 2, "1")] // then what is out of date
    [InlineData("ready ready ready", 2, "2")] // then the youngest
    [InlineData("ready stale pending", 1, "1 2")]
    [InlineData("deleting ready ready", 1, "2")] // what leaves already counts as gone
    [InlineData("ready pending", 0, "0 1")]
    public void Plan_TooMany_DeletesThoseWhoseLossIsFeltLeast(string states, int wanted, string deleted)
    {
        var replicas = Replicas(Set(wanted), states);

        var plan = InferenceSetPlanner.Plan(Set(wanted), replicas);

        Assert.Equal(deleted, string.Join(' ', plan.Delete.Select(w => replicas.IndexOf(w)).Order()));
        Assert.Empty(plan.Apply);
    }

    [Theory]
    [InlineData("stale stale stale", 1, "0")]
    [InlineData("stale stale stale", 2, "0 1")]
    [InlineData("pending stale stale", 1, "")] // one is missing already
    [InlineData("ready stale stale", 1, "1")]
    [InlineData("stale-pending stale stale", 1, "0")] // what does not serve is no loss
    [InlineData("stale-pending stale stale", 2, "0 1")]
    public void Plan_EditedModel_ReplacesWithinTheBudget(string states, int maxUnavailable, string replaced)
    {
        var set = Set(3) with { MaxUnavailable = maxUnavailable };
        var replicas = Replicas(set, states);

        var plan = InferenceSetPlanner.Plan(set, replicas);

        Assert.Equal(replaced, string.Join(' ', plan.Delete.Select(w => replicas.IndexOf(w))));
        Assert.Empty(plan.Apply);
    }

    [Fact]
    public void Plan_EditedConfig_BringsTheWorkspaceUpToDateInPlace()
    {
        var before = Set(1);
        var replicas = Replicas(before, "ready");
        var after = before with
        {
            Template = before.Template with { Inference = before.Template.Inference! with { Config = "mine" } },
        };

        var plan = InferenceSetPlanner.Plan(after, replicas);

        Assert.Equal((replicas[0].Metadata.Name, "mine"), (Assert.Single(plan.Apply).Metadata.Name, plan.Apply[0].Inference!.Config));
        Assert.Empty(plan.Delete);
    }

    [Fact]
    public void Plan_OnDelete_LeavesWhatIsOutOfDate()
    {
        var set = Set(2) with { OnDelete = true };

        var plan = InferenceSetPlanner.Plan(set, Replicas(set, "stale stale"));

        Assert.Empty(plan.Delete);
        Assert.Empty(plan.Apply);
    }

    [Fact]
    public void Plan_NodeLimit_AllowsFewerReplicasAndSaysSo()
    {
        var set = Set(5) with { NodesPerReplica = 2, NodeLimit = 5 };

        var plan = InferenceSetPlanner.Plan(set, []);

        Assert.Equal(2, plan.Apply.Length);
        Assert.Contains("spec.nodeCountLimit 5 allows 2 of 5 replicas", Shown(plan), StringComparison.Ordinal);
        Assert.Contains(plan.Events, static e => e.Warning && e.Reason == "NodeCountLimited");
    }

    [Fact]
    public void Plan_NodeLimit_WaitsForTheNodesOfWhatLeaves()
    {
        var set = Set(2) with { NodeLimit = 2 };

        Assert.Empty(InferenceSetPlanner.Plan(set, Replicas(set, "ready deleting")).Apply);
    }

    [Fact]
    public void Plan_ReplicaWithAProblem_SaysWhichAndWhat()
    {
        var set = Set(1);
        var pending = Replicas(set, "pending")[0];
        var failing = pending with
        {
            Status = new()
            {
                Conditions = [new() { Type = ConditionTypes.ResourceReady, Status = "False", Reason = "NoQuota", Message = "no quota" }],
            },
        };

        Assert.EndsWith($"; {failing.Metadata.Name}: no quota", Shown(InferenceSetPlanner.Plan(set, [failing])), StringComparison.Ordinal);
    }

    [Fact]
    public void Plan_Benchmarks_AreSummedOverReadyReplicas()
    {
        var set = Set(2);
        var replicas = Replicas(set, "ready ready").Select(static (w, i) => w with
        {
            Status = w.Status! with
            {
                Conditions = [.. w.Status!.Conditions!.Value, new() { Type = ConditionTypes.BenchmarkCompleted, Status = i == 0 ? "True" : "False" }],
                Performance = new()
                {
                    Metrics = ImmutableSortedDictionary<string, PerformanceMetric>.Empty.Add("peakTokensPerMinute", new()
                    {
                        Description = "stress/high-concurrency",
                        Value = "1000.25",
                        Unit = "tokens/min",
                        Config = ImmutableSortedDictionary<string, string>.Empty.Add("engine", "onnx").Add("durationSec", "60"),
                    }),
                },
            },
        }).ToImmutableArray();

        var plan = InferenceSetPlanner.Plan(set, replicas);

        var metric = plan.Performance!.Metrics!["aggregatedPeakTokensPerMinute"];
        Assert.Equal(("2000.50", "tokens/min"), (metric.Value, metric.Unit));
        Assert.Equal(["engine"], metric.Config!.Keys);
        Assert.Equal("False BenchmarkPending 1/2 replicas benchmarked", Shown(plan.Conditions[1]));
    }

    [Fact]
    public void Reject_Errors_AreInTheConditionAndNothingIsTouched()
    {
        var plan = InferenceSetPlanner.Reject(
            [new FieldError("spec.replicas", "out-of-range", "-1 is not a number of replicas.")], new(), Replicas(Set(1), "ready"));

        Assert.Equal("False inferencesetFailed spec.replicas: -1 is not a number of replicas.", Shown(plan));
        Assert.Equal(1, plan.ReadyReplicas);
        Assert.Empty(plan.Delete);
    }

    private static InferenceSet Set(int replicas) => new()
    {
        Name = "phi",
        Namespace = "team",
        Uid = "set-uid",
        Replicas = replicas,
        MaxUnavailable = 1,
        NodesPerReplica = 1,
        Template = new()
        {
            Metadata = new()
            {
                Namespace = "team",
                Labels = ImmutableSortedDictionary<string, string>.Empty.Add(Labels.CreatedByInferenceSet, "phi"),
            },
            Resource = new() { InstanceType = "Standard_NC24ads_A100_v4", LabelSelector = new() },
            Inference = new() { Preset = new() { Name = "phi-3.5-mini-instruct" } },
        },
    };

    /// <summary>One Workspace for each word, the first one being the oldest; a stale one has another model.</summary>
    private static ImmutableArray<WorkspaceResource> Replicas(InferenceSet set, string states) =>
    [
        .. states.Split(' ').Select((state, index) =>
        {
            var template = state.StartsWith("stale", StringComparison.Ordinal)
                ? set with { Template = set.Template with { Inference = new() { Preset = new() { Name = "phi-4" } } } }
                : set;
            var name = ReplicaTemplate.Names(template, new HashSet<string>()).Skip(index).First();
            var made = ReplicaTemplate.Render(template, name);
            return made with
            {
                Metadata = made.Metadata with
                {
                    CreationTimestamp = s_start.AddMinutes(index),
                    DeletionTimestamp = state == "deleting" ? s_start.AddHours(1) : null,
                },
                Status = new()
                {
                    Conditions =
                    [
                        new()
                        {
                            Type = ConditionTypes.WorkspaceSucceeded,
                            Status = state.EndsWith("pending", StringComparison.Ordinal) ? "False" : "True",
                        },
                    ],
                },
            };
        }),
    ];

    private static string Shown(InferenceSetPlan plan) => Shown(plan.Conditions[0]);

    private static string Shown(Condition condition) =>
        string.Create(CultureInfo.InvariantCulture, $"{condition.Status} {condition.Reason} {condition.Message}");
}
