using System.Collections.Immutable;
using Kaito.Core.InferenceSets;
using Kaito.Operator.InferenceSets;

namespace Kaito.Tests.Operator.InferenceSets;

public sealed class AutoscalerTests
{
    private static readonly DateTimeOffset s_start = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);
    private static readonly Autoscaling s_rules = new(1, 10, 10, 100, TimeSpan.FromMinutes(5));

    [Theory]
    [InlineData(1, "10:0", 1)] // just at the target
    [InlineData(1, "11:0", 1)] // within the tolerance
    [InlineData(1, "12:0", 2)]
    [InlineData(2, "40:0 0:0", 4)] // the sum counts, wherever it is
    [InlineData(1, "0:250", 3)] // the other target
    [InlineData(1, "12:250", 3)] // the larger one
    [InlineData(1, "90:0", 5)] // four more at a time
    [InlineData(6, "90:0 90:0", 10)] // never more than allowed
    [InlineData(3, "", 3)] // nobody answers
    [InlineData(3, "15:0", 3)] // the others may have as much
    public void Decide_FirstLook_ScalesUpAtOnceAndNeverDown(int current, string loads, int expected)
    {
        var decision = Autoscaler.Decide(s_rules, current, Loads(loads), null, s_start);

        Assert.Equal(expected, decision.Replicas);
        Assert.Equal(expected == current, decision.Reason.Length == 0);
    }

    [Theory]
    [InlineData(0, 1, "minReplicas is 1")]
    [InlineData(12, 10, "maxReplicas is 10")]
    public void Decide_OutOfBounds_IsBroughtBack(int current, int expected, string reason)
    {
        var decision = Autoscaler.Decide(s_rules, current, [], null, s_start);

        Assert.Equal((expected, reason), (decision.Replicas, decision.Reason));
    }

    [Fact]
    public void Decide_LessToDo_ScalesDownAfterTheDelayToTheMostThatWasNeededInIt()
    {
        // Four replicas. Work for four is seen last at 105 s, for three at 225 s: each counts for five minutes more.
        Assert.Equal(
            [420, 3, 540, 1],
            Changes(4, minute => minute < 2 ? "40:0 0:0 0:0 0:0" : minute < 4 ? "30:0 0:0 0:0" : "5:0 0:0"));
    }

    [Fact]
    public void Decide_ShortLull_ChangesNothing() =>
        Assert.Empty(Changes(2, static minute => minute is 3 or 7 ? "20:0 0:0" : "1:0 0:0"));

    [Fact]
    public void Decide_Idle_SleepsOnlyWhenAllowed()
    {
        Assert.Equal([300, 1], Changes(2, static _ => "0:0 0:0"));
        Assert.Equal([300, 0], Changes(2, static _ => "0:0 0:0", s_rules with { Min = 0 }));
    }

    [Fact]
    public void Decide_Woken_StaysAwakeForTheDelay()
    {
        var rules = s_rules with { Min = 0 };
        var asleep = Autoscaler.Decide(rules, 0, [], null, s_start.AddHours(-1)).History;

        // Somebody sets one replica; it loads, then has nothing to do.
        var loading = Autoscaler.Decide(rules, 1, [], asleep, s_start);
        var idle = Autoscaler.Decide(rules, 1, Loads("0:0"), loading.History, s_start.AddMinutes(4));
        var late = Autoscaler.Decide(rules, 1, Loads("0:0"), idle.History, s_start.AddMinutes(8));

        Assert.Equal((1, 1, 0), (loading.Replicas, idle.Replicas, late.Replicas));
    }

    [Fact]
    public void Decide_Asleep_StaysSo() =>
        Assert.Equal(0, Autoscaler.Decide(s_rules with { Min = 0 }, 0, [], null, s_start).Replicas);

    [Fact]
    public void Decide_ForAWholeDay_RemembersNoMoreThanItNeeds()
    {
        ScaleHistory? history = null;
        var rules = s_rules with { ScaleDownDelay = TimeSpan.FromDays(1) };
        for (var i = 0; i < 5760; i++)
        {
            history = Autoscaler.Decide(rules, 10, Loads($"{i % 97}:0"), history, s_start.AddSeconds(15 * i)).History;
        }

        Assert.InRange(history!.Wanted.Length, 1, 10);
    }

    /// <summary>Looks every 15 s for ten minutes; the second and the number of each change.</summary>
    private static ImmutableArray<int> Changes(int replicas, Func<double, string> loads, Autoscaling? rules = null)
    {
        ScaleHistory? history = null;
        var changes = ImmutableArray.CreateBuilder<int>();
        for (var second = 0; second <= 600; second += 15)
        {
            var answers = Loads(loads(second / 60.0));
            while (answers.Length < replicas)
            {
                answers = answers.Add(default);
            }

            var decision = Autoscaler.Decide(
                rules ?? s_rules, replicas, [.. answers.Take(replicas)], history, s_start.AddSeconds(second));
            if (decision.Replicas != replicas)
            {
                changes.Add(second);
                changes.Add(decision.Replicas);
            }

            (replicas, history) = (decision.Replicas, decision.History);
        }

        return changes.ToImmutable();
    }

    private static ImmutableArray<ReplicaLoad> Loads(string texts) =>
    [
        .. texts.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(static text => text.Split(':')).Select(
            static parts => new ReplicaLoad(double.Parse(parts[0], null), double.Parse(parts[1], null))),
    ];
}
