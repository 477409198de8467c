using System.Collections.Immutable;
using Kaito.Benchmarks.Crashes;

namespace Kaito.Tests.Operator.Crashes;

/// <summary>A sample of what <c>eng/bench crash</c> does at every write of every scenario.</summary>
public sealed class CrashPointTests
{
    // A prime: neighbours in the list differ by one write.
    private const int Every = 307;

    private static readonly Lazy<ImmutableArray<CrashPlan>> s_points = new(
        static () => CrashPlan.All(CrashScenarios.All, every: 1));

    private static readonly string[] s_serving =
        ["workspaceSucceeded", "inferencesetReady", "ragengineSucceeded", "RAGEngineSucceeded"];

    public static TheoryData<string> Scenarios => [.. CrashScenarios.All.Select(static scenario => scenario.Name)];

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void Play_NothingGoesWrong_ServesAndLeavesNothing(string name)
    {
        var (scenario, _, run) = s_points.Value.First(point => point.Scenario.Name == name);

        Assert.Equal(1, run.Lives);
        Assert.NotEmpty(run.Writes);
        Assert.DoesNotContain(run.Pictures[^1], line => scenario.Hides.Any(line.StartsWith));
        if (name != "rejected")
        {
            Assert.Contains(run.Pictures, static picture => picture.Any(
                static line => s_serving.Any(reason => line.Contains(reason, StringComparison.OrdinalIgnoreCase))));
        }
    }

    [Fact]
    public void Play_WritesFailAndChangesComeLate_EndsAsWithoutFaults()
    {
        var points = s_points.Value.Where(static (_, index) => index % Every == 0).ToArray();

        var found = CrashPlan.Play(points, static _ => { }, TestContext.Current.CancellationToken);

        Assert.InRange(points.Length, 25, 50);
        Assert.InRange(s_points.Value.Length, 5000, 15000);
        Assert.Empty(found.Select(static finding => finding.ToString()));
    }

    // The copy says that the old replica has gone before it shows the new one. Names differ from run to run, and about
    // half of the orders made a third replica, whose node was left behind.
    [Fact]
    public void Play_ConflictWhileAReplicaIsReplaced_LeavesNoNode()
    {
        var scenario = CrashScenarios.All.Single(static scenario => scenario.Name == "set-replica-deleted");
        var clean = scenario.Play(new());
        var first = clean.Writes.ToList().FindIndex(static write => write.StartsWith("delete ", StringComparison.Ordinal));
        var points = Enumerable.Range(first + 1, 4).SelectMany(at => Enumerable.Repeat(
            new CrashPlan(scenario, new() { Writes = new Dictionary<int, WriteFault> { [at] = WriteFault.Conflict } }, clean),
            6)).ToArray();

        var found = CrashPlan.Play(points, static _ => { }, TestContext.Current.CancellationToken);

        Assert.InRange(first, 1, clean.Writes.Length - 10);
        Assert.Empty(found.Select(static finding => finding.ToString()));
    }

    [Fact]
    public void Play_KilledAfterTheFirstWrite_IsAnotherProcess()
    {
        var faults = new SimFaults { Writes = new Dictionary<int, WriteFault> { [1] = WriteFault.KilledAfter } };

        var run = CrashScenarios.All.Single(static scenario => scenario.Name == "onnx").Play(faults);

        Assert.Equal(2, run.Lives);
    }

    [Fact]
    public void Play_TwoRunsThatDiffer_AreTold()
    {
        var onnx = s_points.Value.First(static point => point.Scenario.Name == "onnx");
        var vllm = s_points.Value.First(static point => point.Scenario.Name == "vllm");

        var found = new CrashPlan(vllm.Scenario, new(), onnx.Clean).Play();

        var finding = Assert.Single(found);
        Assert.Equal(0, finding.Act);
        Assert.Contains(finding.Leaked, static line => line.StartsWith("statefulsets.apps/default/w ", StringComparison.Ordinal));
        Assert.Contains(finding.Missing, static line => line.StartsWith("configmaps/default/w-", StringComparison.Ordinal));
    }
}
