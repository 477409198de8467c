using Kaito.Operator.Cluster;

namespace Kaito.Tests.Operator.Cluster;

public sealed class WorkQueueTests : IDisposable
{
    private readonly ManualTime _clock = ManualTime.AtEpoch();
    private readonly WorkQueue _queue;

    public WorkQueueTests() => _queue = new(_clock);

    public void Dispose() => _queue.Dispose();

    [Fact]
    public void Add_SameKeyTwice_WaitsOnce()
    {
        _queue.Add("a");
        _queue.Add("a");

        Assert.Equal(1, _queue.Depth);
    }

    [Fact]
    public async Task Add_WhileAWorkerHasTheKey_IsHandedOutOnlyAfterDone()
    {
        _queue.Add("a");
        var key = await _queue.TakeAsync(TestContext.Current.CancellationToken);
        _queue.Add("a");

        Assert.Equal(0, _queue.Depth);
        _queue.Done(key);
        Assert.Equal("a", await _queue.TakeAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public void AddAfter_TwoDelays_TheEarlierCounts()
    {
        _queue.AddAfter("a", TimeSpan.FromSeconds(9));
        _queue.AddAfter("a", TimeSpan.FromSeconds(3));

        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(0, _queue.Depth);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(1, _queue.Depth);
    }

    [Fact]
    public void Retry_FailuresInARow_DelayDoublesUpToAMinuteAndStartsAgainAfterForget()
    {
        var delays = Enumerable.Range(0, 30).Select(_ => _queue.Retry("a").TotalMilliseconds).ToArray();

        Assert.Equal([10, 20, 40, 80], delays[..4]);
        Assert.Equal(60_000, delays[^1]);
        _queue.Forget("a");
        Assert.Equal(10, _queue.Retry("a").TotalMilliseconds);
    }

    [Fact]
    public async Task AddAfter_KeyIsWithAWorkerWhenItIsDue_IsHandedOutAfterDone()
    {
        _queue.Add("a");
        var key = await _queue.TakeAsync(TestContext.Current.CancellationToken);
        _queue.AddAfter("a", TimeSpan.FromSeconds(1));
        _clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(0, _queue.Depth);
        _queue.Done(key);
        Assert.Equal(1, _queue.Depth);
    }

    [Fact]
    public async Task AddAfter_AddedMeanwhileAtOnce_TheDelayedOneStillComes()
    {
        _queue.AddAfter("a", TimeSpan.FromSeconds(1));
        _queue.Add("a");
        _queue.Done(await _queue.TakeAsync(TestContext.Current.CancellationToken));

        _clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(1, _queue.Depth);
    }

    [Fact]
    public async Task TakeAsync_NothingThere_WaitsUntilCancelled()
    {
        using var stop = new CancellationTokenSource();
        var take = _queue.TakeAsync(stop.Token);
        Assert.False(take.IsCompleted);

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => take);
    }

    [Fact]
    public async Task Add_ManyKeysManyTimes_EachIsHandedOutOnceInTheOrderOfTheFirst()
    {
        foreach (var key in new[] { "b", "a", "b", "c", "a" })
        {
            _queue.Add(key);
        }

        var taken = new List<string>();
        while (_queue.Depth > 0)
        {
            taken.Add(await _queue.TakeAsync(TestContext.Current.CancellationToken));
        }

        Assert.Equal(["b", "a", "c"], taken);
    }

    [Fact]
    public void Dispose_KeysThatWait_NeverFire()
    {
        _queue.AddAfter("a", TimeSpan.FromSeconds(1));

        _queue.Dispose();

        Assert.Equal(0, _clock.Waiting);
    }
}
