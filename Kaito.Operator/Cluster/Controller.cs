using System.Collections.Immutable;

namespace Kaito.Operator.Cluster;

/// <summary>Brings keys from a queue to a reconcile function, several keys at a time, one worker per key.</summary>
/// <remarks>Controllers may share informers; <see cref="RunAsync"/> starts all of them together.</remarks>
internal sealed partial class Controller(
    string name,
    ImmutableArray<IInformer> informers,
    WorkQueue queue,
    Func<string, CancellationToken, Task<TimeSpan?>> reconcile,
    ControllerServices services)
{
    private const int Workers = 5;

    private readonly ILogger _logger = services.Logger;

    /// <summary>Runs controllers and the informers that feed them, until cancelled.</summary>
    /// <param name="controllers">Each informer runs once, however many of them read it.</param>
    /// <param name="synced">Called once, when the informers have read the cluster.</param>
    /// <param name="stoppingToken">Ends it.</param>
    public static async Task RunAsync(
        ImmutableArray<Controller> controllers, Action synced, CancellationToken stoppingToken)
    {
        var informers = controllers.SelectMany(static c => c.Informers).Distinct().ToArray();
        var running = informers.Select(i => i.RunAsync(stoppingToken)).ToList();
        foreach (var informer in informers)
        {
            await informer.Synced;
        }

        synced();
        running.AddRange(controllers.SelectMany(c => c.Work(stoppingToken)));
        await Task.WhenAll(running);
    }

    private ImmutableArray<IInformer> Informers { get; } = informers;

    private IEnumerable<Task> Work(CancellationToken stoppingToken)
    {
        LogStarted(name);
        return Enumerable.Range(0, Workers).Select(_ => WorkAsync(stoppingToken));
    }

    private async Task WorkAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            string key;
            try
            {
                key = await queue.TakeAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }

            await ReconcileAsync(key, stoppingToken);
            queue.Done(key);
        }
    }

    private async Task ReconcileAsync(string key, CancellationToken stoppingToken)
    {
        var started = services.Clock.GetTimestamp();
        var result = "success";
        try
        {
            var recheck = await reconcile(key, stoppingToken);
            queue.Forget(key);
            if (recheck is { } delay)
            {
                result = "requeue_after";
                queue.AddAfter(key, delay);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            return;
        }
        catch (KubeConflictException wrong)
        {
            result = "requeue";
            LogConflict(name, key, wrong.Message);
            queue.Retry(key);
        }
        catch (Exception wrong)
        {
            result = "error";
            LogFailed(name, key, queue.Retry(key), wrong.Message);
        }

        services.Metrics.Reconciled(name, result, services.Clock.GetElapsedTime(started));
    }

    [LoggerMessage(LogLevel.Information, "Controller {Controller} has read the cluster and starts")]
    private partial void LogStarted(string controller);

    [LoggerMessage(LogLevel.Debug, "{Controller} {Key} changed meanwhile and is looked at again: {Problem}")]
    private partial void LogConflict(string controller, string key, string problem);

    [LoggerMessage(LogLevel.Error, "{Controller} {Key} failed, next try in {Delay}: {Problem}")]
    private partial void LogFailed(string controller, string key, TimeSpan delay, string problem);
}

/// <summary>What every controller needs and none is about.</summary>
internal sealed record ControllerServices(TimeProvider Clock, OperatorMetrics Metrics, ILogger Logger);
