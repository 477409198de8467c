using System.Collections.Concurrent;
using Kaito.Operator;
using Kaito.Operator.Cluster;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaito.Tests.Operator.Cluster;

public sealed class ControllerTests : IAsyncDisposable
{
    private readonly ManualTime _clock = ManualTime.AtEpoch();
    private readonly OperatorMetrics _metrics = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<string> _seen = new();
    private readonly WorkQueue _queue;
    private Task _run = Task.CompletedTask;

    public ControllerTests() => _queue = new(_clock);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run;
        _queue.Dispose();
        _stop.Dispose();
    }

    [Fact]
    public async Task RunAsync_ReconcileThrows_TriesAgainAfterThePause()
    {
        Start(_ => throw new KubeInvalidException(System.Net.HttpStatusCode.BadRequest, "Invalid", "no"));
        _queue.Add("a");
        await UntilAsync(() => _clock.Waiting == 1);
        Assert.Single(_seen);

        _clock.Advance(TimeSpan.FromMilliseconds(10));

        await UntilAsync(() => _seen.Count == 2);
        await UntilAsync(() => Metric("error") == 2);
    }

    [Fact]
    public async Task RunAsync_SomebodyWroteFirst_CountsAsRequeueNotAsError()
    {
        Start(_ => throw new KubeConflictException("Conflict", "modified"));
        _queue.Add("a");

        await UntilAsync(() => Metric("requeue") == 1);
        Assert.Equal(0, Metric("error"));
        Assert.Equal(1, _clock.Waiting);
    }

    [Fact]
    public async Task RunAsync_RecheckAskedFor_ComesBackThen()
    {
        Start(_ => Task.FromResult<TimeSpan?>(TimeSpan.FromSeconds(30)));
        _queue.Add("a");
        await UntilAsync(() => Metric("requeue_after") == 1);
        _clock.Advance(TimeSpan.FromSeconds(29));
        Assert.Single(_seen);

        _clock.Advance(TimeSpan.FromSeconds(1));

        await UntilAsync(() => _seen.Count == 2);
    }

    [Fact]
    public async Task RunAsync_OneKeyHangs_OthersAreWorkedOn()
    {
        var hold = new TaskCompletionSource<TimeSpan?>();
        Start(key => key == "slow" ? hold.Task : Task.FromResult<TimeSpan?>(null));
        _queue.Add("slow");
        await UntilAsync(() => _seen.Contains("slow"));
        _queue.Add("quick");
        _queue.Add("slow");

        await UntilAsync(() => _seen.Contains("quick"));
        Assert.Single(_seen, "slow");

        hold.SetResult(null);
        await UntilAsync(() => _seen.Count(static k => k == "slow") == 2);
    }

    private void Start(Func<string, Task<TimeSpan?>> reconcile) => _run = Controller.RunAsync([new Controller(
        "workspace", [], _queue,
        (key, _) =>
        {
            _seen.Enqueue(key);
            return reconcile(key);
        },
        new(_clock, _metrics, NullLogger.Instance))], static () => { }, _stop.Token);

    private int Metric(string result)
    {
        var line = _metrics.Render(new()).Split('\n')
            .SingleOrDefault(l => l.Contains($"result=\"{result}\"", StringComparison.Ordinal)) ?? "none 0";
        return int.Parse(line.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
    }

    private static Task UntilAsync(Func<bool> condition) => Eventually.TrueAsync(
        () => Task.FromResult(condition()), TimeSpan.FromSeconds(10), static () => "the controller is not there yet",
        TestContext.Current.CancellationToken);
}
