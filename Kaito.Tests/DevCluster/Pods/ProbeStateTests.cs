using System.Text.Json.Nodes;
using Kaito.DevCluster.Pods;

namespace Kaito.Tests.DevCluster.Pods;

public sealed class ProbeStateTests
{
    private static readonly DateTimeOffset s_start = DateTimeOffset.UnixEpoch;

    /// <summary>Results at each second, and the verdict after the last: + passing, - failing, ? undecided.</summary>
    [Theory]
    [InlineData("s", "+")]
    [InlineData("f", "?")]
    [InlineData("ff", "?")]
    [InlineData("fff", "-")]
    [InlineData("ffsff", "+")]
    [InlineData("sfff", "-")]
    [InlineData("sfffs", "+")]
    public void Next_SeriesOfResults_DecidesAtTheThresholds(string results, string verdict)
    {
        var settings = new ProbeSettings(TimeSpan.Zero, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1), 1, 3);

        var state = Run(settings, results, TimeSpan.FromSeconds(1));

        Assert.Equal(verdict, state.Passing switch { true => "+", false => "-", null => "?" });
    }

    [Fact]
    public void Next_BeforeTheInitialDelay_CountsNoFailure()
    {
        var settings = new ProbeSettings(TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1), 1, 1);

        Assert.Null(Run(settings, "fffff", TimeSpan.FromSeconds(1)).Passing);
        Assert.False(Run(settings, "ffffff", TimeSpan.FromSeconds(1)).Passing);
    }

    [Fact]
    public void Next_TriedMoreOftenThanThePeriod_FailsNoEarlier()
    {
        var settings = new ProbeSettings(TimeSpan.Zero, TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(1), 1, 3);

        var state = Run(settings, new string('f', 200), TimeSpan.FromMilliseconds(100));

        Assert.Null(state.Passing);
        Assert.Equal(2, state.Failures);
    }

    [Fact]
    public void Next_SuccessThreshold_NeedsSoManyInARow()
    {
        var settings = new ProbeSettings(TimeSpan.Zero, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1), 2, 3);

        Assert.Null(Run(settings, "sfs", TimeSpan.FromSeconds(1)).Passing);
        Assert.True(Run(settings, "sfss", TimeSpan.FromSeconds(1)).Passing);
    }

    [Fact]
    public void Read_NothingSet_GivesTheDefaultsOfKubernetes() => Assert.Equal(
        new ProbeSettings(TimeSpan.Zero, TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(1), 1, 3),
        ProbeSettings.Read((JsonObject)JsonNode.Parse("{}")!));

    private static ProbeState Run(ProbeSettings settings, string results, TimeSpan step)
    {
        var (state, now) = (ProbeState.Start, s_start);
        foreach (var result in results)
        {
            state = state.Next(result == 's', settings, now, s_start);
            now += step;
        }

        return state;
    }
}
