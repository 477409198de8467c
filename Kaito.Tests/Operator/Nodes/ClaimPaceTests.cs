using Kaito.Core.Kubernetes;
using Kaito.Operator.Nodes;

namespace Kaito.Tests.Operator.Nodes;

public sealed class ClaimPaceTests
{
    private static readonly NodeClaim s_claim = new() { Metadata = new() { Name = "c" } };

    private readonly ManualTime _clock = ManualTime.AtEpoch();
    private readonly ClaimPace _pace;

    public ClaimPaceTests() => _pace = new(_clock);

    [Fact]
    public void Hold_FirstRequest_WaitsForNothing() =>
        Assert.Equal((0, null), (_pace.Hold("ws", [], [s_claim]).Held.Count, _pace.Hold("ws", [], [s_claim]).Recheck));

    [Fact]
    public void Hold_ClaimThatVanishedAgainAndAgain_PauseDoublesUpToFiveMinutes()
    {
        var pauses = new List<double>();
        for (var i = 0; i < 8; i++)
        {
            _pace.Made("ws", "c");
            var held = _pace.Hold("ws", [], [s_claim]);
            Assert.Contains("c", held.Held);
            pauses.Add(held.Recheck!.Value.TotalSeconds);
            _clock.Advance(held.Recheck.Value);
            Assert.Empty(_pace.Hold("ws", [], [s_claim]).Held);
        }

        Assert.Equal([10, 20, 40, 80, 160, 300, 300, 300], pauses);
    }

    [Fact]
    public void Hold_ClaimWasReadyMeanwhile_StartsAgain()
    {
        var ready = s_claim with { Status = new() { Conditions = [new() { Type = "Ready", Status = "True" }] } };
        _pace.Made("ws", "c");
        _pace.Made("ws", "c");

        _pace.Hold("ws", [ready], []);

        Assert.Empty(_pace.Hold("ws", [], [s_claim]).Held);
    }

    [Fact]
    public void Apply_HeldClaim_IsLeftOutOfThePlan()
    {
        _pace.Made("ws", "c");

        var plan = _pace.Hold("ws", [], [s_claim]).Apply(new() { Apply = [new Service(), s_claim] });

        Assert.IsType<Service>(Assert.Single(plan.Apply));
    }
}
