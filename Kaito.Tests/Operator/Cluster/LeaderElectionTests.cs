using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaito.Tests.Operator.Cluster;

public sealed class LeaderElectionTests
{
    private readonly MemoryKubeApi _api = new();
    private readonly ManualTime _clock = ManualTime.AtEpoch();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private LeaseSpec Lease => _api.All<Lease>().Single().Spec!;

    [Fact]
    public async Task TryHoldAsync_NoLease_CreatesIt()
    {
        Assert.True(await Candidate("a").TryHoldAsync(Stop));

        Assert.Equal(("a", 15, 0), (Lease.HolderIdentity, Lease.LeaseDurationSeconds, Lease.LeaseTransitions));
        Assert.Equal("1970-01-01T00:00:00.000000Z", Lease.AcquireTime);
    }

    [Fact]
    public async Task TryHoldAsync_Term_AllowsWritesForTenSecondsFromTheRenewal()
    {
        var term = new LeaderTerm(_clock);
        Assert.True(term.MayWrite);
        term.Require();
        Assert.False(term.MayWrite);

        await new LeaderElection(
            _api, new("default", "lease"), "a", _clock, NullLogger<LeaderElection>.Instance, term).TryHoldAsync(Stop);
        _clock.Advance(TimeSpan.FromSeconds(9));
        Assert.True(term.MayWrite);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.False(term.MayWrite);
    }

    [Fact]
    public async Task TryHoldAsync_Renewed_KeepsWhenItWasAcquired()
    {
        var a = Candidate("a");
        await a.TryHoldAsync(Stop);
        _clock.Advance(TimeSpan.FromSeconds(2));

        Assert.True(await a.TryHoldAsync(Stop));

        Assert.Equal(
            ("1970-01-01T00:00:00.000000Z", "1970-01-01T00:00:02.000000Z", 0),
            (Lease.AcquireTime, Lease.RenewTime, Lease.LeaseTransitions));
    }

    [Fact]
    public async Task TryHoldAsync_AnotherRenews_IsNeverTaken()
    {
        var (a, b) = (Candidate("a"), Candidate("b"));
        for (var i = 0; i < 5; i++)
        {
            Assert.True(await a.TryHoldAsync(Stop));
            Assert.False(await b.TryHoldAsync(Stop));
            _clock.Advance(TimeSpan.FromSeconds(14));
            Assert.False(await b.TryHoldAsync(Stop));
        }
    }

    [Fact]
    public async Task TryHoldAsync_AnotherSilentForItsDuration_IsTakenOnce()
    {
        var (a, b, c) = (Candidate("a"), Candidate("b"), Candidate("c"));
        await a.TryHoldAsync(Stop);
        Assert.False(await b.TryHoldAsync(Stop));
        Assert.False(await c.TryHoldAsync(Stop));
        _clock.Advance(TimeSpan.FromSeconds(15));

        Assert.True(await b.TryHoldAsync(Stop));

        Assert.Equal(("b", 1), (Lease.HolderIdentity, Lease.LeaseTransitions));
        Assert.False(await c.TryHoldAsync(Stop));
        Assert.False(await a.TryHoldAsync(Stop));
    }

    [Fact]
    public async Task TryHoldAsync_ApiFails_IsNotHeld()
    {
        _api.Fault = new HttpRequestException("connection refused");

        Assert.False(await Candidate("a").TryHoldAsync(Stop));
    }

    [Fact]
    public async Task RunAsync_RenewalFailsForTenSeconds_CancelsTheWorkAndThrows()
    {
        var cancelled = false;
        var run = Candidate("a").RunAsync(
            async term =>
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, term)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                cancelled = term.IsCancellationRequested;
            },
            Stop);
        await WaitingAsync();
        _api.Fault = new KubeForbiddenException(System.Net.HttpStatusCode.Forbidden, "Forbidden", "no");
        for (var i = 0; i < 6; i++)
        {
            await WaitingAsync();
            _clock.Advance(TimeSpan.FromSeconds(2));
        }

        var lost = await Assert.ThrowsAsync<TimeoutException>(() => run);
        Assert.Equal("The lease ns/lease could not be renewed for 10 s.", lost.Message);
        Assert.True(cancelled);
    }

    [Fact]
    public async Task RunAsync_AskedToStop_GivesTheLeaseBackForTheNextToTakeAtOnce()
    {
        using var stop = new CancellationTokenSource();
        var run = Candidate("a").RunAsync(
            static async term => await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, term)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing),
            stop.Token);
        await WaitingAsync();

        await stop.CancelAsync();
        await run;

        Assert.Equal("", Lease.HolderIdentity);
        Assert.True(await Candidate("b").TryHoldAsync(Stop));
    }

    [Fact]
    public async Task RunAsync_AnotherHolds_WorkStartsOnlyOnceItIsOurs()
    {
        await Candidate("a").TryHoldAsync(Stop);
        var started = false;
        var run = Candidate("b").RunAsync(
            _ =>
            {
                started = true;
                return Task.CompletedTask;
            },
            Stop);
        for (var i = 0; i < 7; i++)
        {
            await WaitingAsync();
            Assert.False(started);
            _clock.Advance(TimeSpan.FromSeconds(2));
        }

        await WaitingAsync();
        _clock.Advance(TimeSpan.FromSeconds(2));
        await run.WaitAsync(TimeSpan.FromSeconds(10), Stop);
        Assert.True(started);
    }

    private LeaderElection Candidate(string identity) =>
        new(_api, new("ns", "lease"), identity, _clock, NullLogger<LeaderElection>.Instance);

    private Task WaitingAsync() => Eventually.TrueAsync(
        () => Task.FromResult(_clock.Waiting > 0), TimeSpan.FromSeconds(10), static () =>
            "nobody waits for the clock", Stop);
}
