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
        var plan = Plan(Set(3), []);

        Assert.Equal(3, plan.Apply.Select(static w => w.Metadata.Name).Distinct().Count());
        Assert.All(plan.Apply, static w => Assert.StartsWith("phi-", w.Metadata.Name, StringComparison.Ordinal));
        Assert.All(plan.Apply, static w => Assert.Equal("set-uid", Assert.Single(w.Metadata.OwnerReferences!.Value).Uid));
        Assert.Empty(plan.Delete);
        Assert.Equal("False inferencesetNotReady inferenceset is not ready, 0/3 replicas are ready", Shown(plan));
    }

    [Fact]
    public void Plan_SameAgain_GivesTheSameNames() => Assert.Equal(
        Plan(Set(3), []).Apply.Select(static w => w.Metadata.Name),
        Plan(Set(3), []).Apply.Select(static w => w.Metadata.Name));

    [Fact]
    public void Plan_AllReady_WritesNothing()
    {
        var plan = Plan(Set(2), Replicas(Set(2), "ready ready"));

        Assert.Empty(plan.Apply);
        Assert.Empty(plan.Delete);
        Assert.Equal("True inferencesetReady inferenceset is ready", Shown(plan));
    }

    [Fact]
    public void Plan_NoReplicasWanted_IsReady() =>
        Assert.Equal("True inferencesetReady inferenceset is ready", Shown(Plan(Set(0), [])));

    [Fact]
    public void Plan_OneIsBeingDeleted_IsReplacedUnderAnotherName()
    {
        var plan = Plan(Set(2), Replicas(Set(2), "ready deleting"));

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

        var plan = Plan(Set(wanted), replicas);

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

        var plan = Plan(set, replicas);

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

        var plan = Plan(after, replicas);

        Assert.Equal((replicas[0].Metadata.Name, "mine"), (Assert.Single(plan.Apply).Metadata.Name, plan.Apply[0].Inference!.Config));
        Assert.Empty(plan.Delete);
    }

    [Fact]
    public void Plan_OnDelete_LeavesWhatIsOutOfDate()
    {
        var set = Set(2) with { OnDelete = true };

        var plan = Plan(set, Replicas(set, "stale stale"));

        Assert.Empty(plan.Delete);
        Assert.Empty(plan.Apply);
    }

    [Fact]
    public void Plan_NodeLimit_AllowsFewerReplicasAndSaysSo()
    {
        var set = Set(5) with { NodesPerReplica = 2, NodeLimit = 5 };

        var plan = Plan(set, []);

        Assert.Equal(2, plan.Apply.Length);
        Assert.Contains("spec.nodeCountLimit 5 allows 2 of 5 replicas", Shown(plan), StringComparison.Ordinal);
        Assert.Contains(plan.Events, static e => e.Warning && e.Reason == "NodeCountLimited");
    }

    [Theory]
    [InlineData("", null, 1)]
    [InlineData("pending", null, 0)]
    [InlineData("pending", 2, 2)]
    [InlineData("ready ready ready", null, 0)]
    [InlineData("ready ready", 3, 0)]
    public void Plan_NodeLimitAndAModelThatIsLookedUp_CountsWhatReplicasTell(string states, int? told, int made)
    {
        var set = Set(5) with { NodesPerReplica = null, NodeLimit = 7 };
        ImmutableArray<WorkspaceResource> replicas = states.Length == 0
            ? []
            : [.. Replicas(set, states).Select(w => w with { Status = w.Status! with { TargetNodeCount = told } })];

        var plan = Plan(set, replicas);

        Assert.Equal(made, plan.Apply.Length);
        Assert.Empty(plan.Delete);
    }

    [Fact]
    public void Plan_NodeLimit_WaitsForTheNodesOfWhatLeaves()
    {
        var set = Set(2) with { NodeLimit = 2 };

        Assert.Empty(Plan(set, Replicas(set, "ready deleting")).Apply);
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

        Assert.EndsWith($"; {failing.Metadata.Name}: no quota", Shown(Plan(set, [failing])), StringComparison.Ordinal);
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

        var plan = Plan(set, replicas);

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

    [Theory]
    [InlineData("ready ready ready", 0, 0)] // the older image goes first
    [InlineData("ready pending ready", 0, 1)] // but what does not serve goes before
    public void Plan_TooManyAndOneOnAnOlderImage_DeletesThatOneUnlessAnotherDoesNotServe(string states, int old, int deleted)
    {
        var replicas = Replicas(Set(2), states);

        Assert.Equal([replicas[deleted]], Plan(Set(2), replicas, Facts([replicas[old]])).Delete);
    }

    [Fact]
    public void Plan_TooManyThatServe_DeletesTheOneWithLeastToDo()
    {
        var set = Set(2);
        var replicas = Replicas(set, "ready ready ready");
        var loads = replicas.Zip([5.0, 1.0, 3.0]).ToImmutableDictionary(static p => p.First.Metadata.Name!, static p => new ReplicaLoad(p.Second, 0));

        Assert.Equal([replicas[1]], Plan(set, replicas, new() { Loads = loads }).Delete);
    }

    [Theory]
    [InlineData("InPlace", "ready ready", "0 1", "0")] // one at a time
    [InlineData("InPlace", "ready pending", "0 1", "1")] // the one whose loss is felt least
    [InlineData("InPlace", "ready pending", "0", "")] // the other must serve first
    [InlineData("InPlace", "ready ready", "", "")]
    [InlineData("Surge", "ready ready", "0 1", "+1")]
    [InlineData("Surge", "ready ready pending", "0 1", "")] // the successor starts
    [InlineData("Surge", "ready ready ready", "0 1", "-1")] // it serves: one of the others goes
    [InlineData("Surge", "ready ready ready", "", "-1")]
    public void Plan_OlderImages_MoveOneByOne(string strategy, string states, string old, string expected)
    {
        var set = Set(2) with { AutoUpgrade = new(strategy == "Surge", null, TimeSpan.FromHours(4)) };
        var replicas = Replicas(set, states);
        var outdated = old.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(i => replicas[int.Parse(i, CultureInfo.InvariantCulture)]).ToImmutableArray();

        var plan = Plan(set, replicas, Facts(outdated));

        var seen = plan.Upgrade is { } upgrade ? replicas.IndexOf(upgrade.Workspace).ToString(CultureInfo.InvariantCulture)
            : plan.Apply.Length > 0 ? $"+{plan.Apply.Length}"
            : plan.Delete.Length > 0 ? $"-{plan.Delete.Length}"
            : "";
        Assert.Equal((expected, outdated.Length), (seen, plan.Drifted));
        Assert.True(plan.Delete.All(w => outdated.IsEmpty || outdated.Contains(w)));
    }

    [Fact]
    public void Plan_OlderImagesOutsideOfTheWindow_Stay()
    {
        Assert.True(CronSchedule.TryParse("0 2 * * *", out var atTwo, out _));
        var set = Set(1) with { AutoUpgrade = new(false, atTwo, TimeSpan.FromHours(1)) };
        var replicas = Replicas(set, "ready");

        Assert.Null(Plan(set, replicas, Facts(replicas)).Upgrade);
        Assert.NotNull(Plan(set, replicas, Facts(replicas) with { Now = s_start.Date.AddHours(2.5) }).Upgrade);
    }

    [Fact]
    public void Plan_UpgradeThatDoesNotServe_StopsTheOthersAndSaysSo()
    {
        var set = Set(2) with { AutoUpgrade = new(false, null, TimeSpan.FromHours(4)) };
        var replicas = Replicas(set, "pending ready");
        var stuck = replicas[0] with
        {
            Metadata = replicas[0].Metadata with
            {
                Labels = replicas[0].Metadata.Labels!.Add(Labels.UpgradeToVersion, "2.0"),
                Annotations = replicas[0].Metadata.Annotations!.Add(Annotations.UpgradeStartTime, "2026-11-21T12:00:00Z"),
            },
            Status = new()
            {
                Conditions =
                [
                    new() { Type = ConditionTypes.WorkspaceSucceeded, Status = "False", LastTransitionTime = s_start.AddMinutes(1) },
                ],
            },
        };

        var plan = Plan(set, [stuck, replicas[1]], Facts([replicas[1]]) with { Now = s_start.AddHours(1) });

        Assert.Null(plan.Upgrade);
        Assert.Contains(plan.Events, e => e.Reason == "UpgradeSlow" && e.Message.Contains(stuck.Metadata.Name!, StringComparison.Ordinal));
    }

    [Fact]
    public void Plan_SurgeAtTheNodeLimit_SaysWhatIsInTheWay()
    {
        var set = Set(1) with { AutoUpgrade = new(true, null, TimeSpan.FromHours(4)), NodeLimit = 1 };
        var replicas = Replicas(set, "ready");

        var plan = Plan(set, replicas, Facts(replicas));

        Assert.Empty(plan.Apply);
        Assert.Contains(plan.Events, static e => e.Reason == "UpgradeBlocked");
    }

    private static InferenceSetPlan Plan(
        InferenceSet set, ImmutableArray<WorkspaceResource> replicas, ReplicaFacts? facts = null) =>
        InferenceSetPlanner.Plan(set, replicas, facts ?? new());

    private static ReplicaFacts Facts(ImmutableArray<WorkspaceResource> outdated) => new()
    {
        NewerTags = outdated.ToImmutableDictionary(static w => w.Metadata.Name!, static _ => "2.0"),
        Now = s_start,
    };

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
