using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Controllers;

/// <summary>A change of an object of the resource is a reason to look at the keys.</summary>
internal sealed record WatchRule(GroupResource Resource, Func<JsonObject, IEnumerable<ObjectKey>> Keys)
{
    /// <summary>Each object of the resource is its own reason.</summary>
    public static WatchRule Itself(GroupResource resource) => new(resource, item => [resource.KeyOf(item)]);
}

/// <summary>Moves one object's surroundings one step towards what the object asks for; safe to repeat.</summary>
internal interface IReconciler
{
    /// <summary>For the log.</summary>
    string Name { get; }

    ImmutableArray<WatchRule> Watches { get; }

    /// <returns>When to look again without a change; null for never.</returns>
    TimeSpan? Reconcile(ObjectKey key);
}

/// <summary>Runs one reconciler: watches, queues, reconciles one key at a time, retries what failed.</summary>
internal sealed partial class ControllerLoop<T>(T reconciler, IClusterStore store, TimeProvider clock, ILogger<T> logger)
    : BackgroundService
    where T : IReconciler
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        using var queue = new WorkQueue(clock);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        var watches = reconciler.Watches.Select(rule => Watching.RunAsync(
            store, rule.Resource, e => Enqueue(queue, rule, e), clock, logger, stop.Token)).ToArray();
        try
        {
            while (true)
            {
                Step(queue, await queue.TakeAsync(stoppingToken));
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(watches);
        }
    }

    private static void Enqueue(WorkQueue queue, WatchRule rule, WatchEvent change)
    {
        foreach (var key in rule.Keys(change.Object))
        {
            queue.Add(key);
        }
    }

    private void Step(WorkQueue queue, ObjectKey key)
    {
        try
        {
            var again = reconciler.Reconcile(key);
            queue.Forget(key);
            if (again is { } delay)
            {
                queue.AddAfter(key, delay);
            }
        }
        catch (ApiStatusException race) when (race.Status.Code is 404 or 409)
        {
            LogRace(reconciler.Name, key, race.Message, queue.Retry(key));
        }
        catch (Exception failure)
        {
            LogFailure(failure, reconciler.Name, key, queue.Retry(key));
        }
    }

    [LoggerMessage(LogLevel.Debug, "{Controller}: {Key} changed meanwhile ({Why}); again in {Delay}")]
    private partial void LogRace(string controller, ObjectKey key, string why, TimeSpan delay);

    [LoggerMessage(LogLevel.Error, "{Controller}: {Key} failed; again in {Delay}")]
    private partial void LogFailure(Exception failure, string controller, ObjectKey key, TimeSpan delay);
}

/// <summary>Follows one resource for as long as the cluster runs.</summary>
internal static partial class Watching
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_pauseAfterFailure = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Calls back for each present object and each change, in order. Starts over with the present objects when it fell
    /// behind or the resource does not exist yet. Ends without an exception when cancelled.
    /// </summary>
    public static async Task RunAsync(
        IClusterStore store,
        GroupResource resource,
        Action<WatchEvent> seen,
        TimeProvider clock,
        ILogger logger,
        CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await foreach (var change in store.WatchAsync(new(resource), cancellationToken))
                {
                    if (change.Type != WatchEventType.Bookmark)
                    {
                        seen(change);
                    }
                }

                await Task.Delay(s_pause, clock, cancellationToken);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (ApiStatusException refused)
            {
                LogRestart(logger, resource, refused.Message);
                await PauseAsync(s_pause, clock, cancellationToken);
            }
            catch (Exception failure)
            {
                LogFailure(logger, failure, resource);
                await PauseAsync(s_pauseAfterFailure, clock, cancellationToken);
            }
        }
    }

    private static async Task PauseAsync(TimeSpan pause, TimeProvider clock, CancellationToken cancellationToken) =>
        await Task.Delay(pause, clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    [LoggerMessage(LogLevel.Error, "What follows {Resource} failed; it starts over with the present objects")]
    private static partial void LogFailure(ILogger logger, Exception failure, GroupResource resource);

    [LoggerMessage(LogLevel.Debug, "Watch of {Resource} starts over: {Why}")]
    private static partial void LogRestart(ILogger logger, GroupResource resource, string why);
}
