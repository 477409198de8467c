using Kaito.InferenceHost.Engine;

namespace Kaito.Tests.InferenceHost.Engine;

public sealed class PrefillPaceTests
{
    private static readonly TimeSpan s_step = TimeSpan.FromMilliseconds(10);

    [Fact]
    public void Allowance_FewStepsSinceTheLastChunk_IsNone()
    {
        var pace = Measured(msPerToken: 1);
        Decode(pace, 23);
        Assert.Equal(0, pace.Allowance(1000));

        Decode(pace, 1);

        Assert.Equal(120, pace.Allowance(1000));
        pace.Restart();
        Assert.Equal(0, pace.Allowance(1000));
    }

    [Fact]
    public void Allowance_SlowMachine_WaitsUntilAChunkIsWorthIt()
    {
        var pace = Measured(msPerToken: 20);
        Decode(pace, 63);
        Assert.Equal(0, pace.Allowance(1000));

        Decode(pace, 1);

        Assert.Equal(16, pace.Allowance(1000));
    }

    [Fact]
    public void Allowance_LittleIsLeft_IsAllOfIt()
    {
        var pace = Measured(msPerToken: 1);
        Decode(pace, 24);

        Assert.Equal(3, pace.Allowance(3));
    }

    [Theory]
    [InlineData(1.0 / 3)]
    [InlineData(0.5)]
    public void Allowance_OverALongTime_TakesTheShare(double share)
    {
        var pace = new PrefillPace(share);
        pace.Filled(100, TimeSpan.FromMilliseconds(100));
        var (filling, decoding) = (0.0, 0.0);
        for (var step = 0; step < 10_000; step++)
        {
            pace.Decoded(s_step);
            decoding += s_step.TotalSeconds;
            if (Math.Min(128, pace.Allowance(int.MaxValue)) is > 0 and var tokens)
            {
                pace.Restart();
                filling += tokens / 1000.0;
            }
        }

        Assert.InRange(filling / (filling + decoding), 0.3, share + 0.01);
    }

    [Fact]
    public void Allowance_NothingIsHeldBack_IsTheRest() => Assert.Equal(77, new PrefillPace(1).Allowance(77));

    private static PrefillPace Measured(int msPerToken)
    {
        var pace = new PrefillPace(0.5);
        pace.Filled(10, TimeSpan.FromMilliseconds(10 * msPerToken));
        return pace;
    }

    private static void Decode(PrefillPace pace, int steps)
    {
        for (var step = 0; step < steps; step++)
        {
            pace.Decoded(s_step / 2);
        }
    }
}
