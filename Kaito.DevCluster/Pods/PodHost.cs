using System.Text.Json.Nodes;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Pods;

/// <summary>The kubelet of every node: starts a worker for each bound pod, stops it, and removes the pod afterwards.</summary>
internal sealed partial class PodHost(
    IClusterStore store,
    EventRecorder events,
    ProcessLauncher launcher,
    ProbeRunner probes,
    PodHostSettings settings,
    ILogger<PodHost> logger) : BackgroundService
{
    private readonly Dictionary<string, Entry> _workers = [];
    private readonly Lock _gate = new();
    private readonly PodServices _services = new(store, events, launcher, probes, settings.Options, settings.Clock, logger);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        foreach (var process in PodFolder.KillLeftovers(settings.Options.PodsFolder))
        {
            LogLeftover(process);
        }

        await Watching.RunAsync(store, Resources.Pods, Look, settings.Clock, logger, stoppingToken);
        await StopAllAsync();
    }

    private void Look(WatchEvent change)
    {
        var pod = change.Object;
        lock (_gate)
        {
            var entry = _workers.GetValueOrDefault(pod.Uid);
            if (change.Type == WatchEventType.Deleted)
            {
                Forget(entry);
            }
            else if (pod.Deleting)
            {
                End(pod, entry);
            }
            else if (entry is null && Runnable(pod))
            {
                _workers[pod.Uid] = entry = new(new PodWorker(_services, pod));
                entry.Done = Task.Run(() => RunAsync(entry, pod));
            }
        }
    }

    private static bool Runnable(JsonObject pod) =>
        !string.IsNullOrEmpty(pod.Text("spec", "nodeName")) && !PodTemplates.IsFinished(pod);

    private void Forget(Entry? entry)
    {
        if (entry is null)
        {
            return;
        }

        entry.Gone = true;
        if (entry.Ended)
        {
            _workers.Remove(entry.Worker.Uid);
            entry.Worker.RemoveFiles();
            entry.Worker.Dispose();
        }
        else
        {
            entry.Worker.Stop(TimeSpan.Zero);
        }
    }

    private void End(JsonObject pod, Entry? entry)
    {
        if (entry is { Ended: false })
        {
            entry.Worker.Stop(TimeSpan.FromSeconds(pod.Number("metadata", "deletionGracePeriodSeconds") ?? 30));
        }
        else if (!string.IsNullOrEmpty(pod.Text("spec", "nodeName")))
        {
            Remove(pod);
        }
    }

    private async Task RunAsync(Entry entry, JsonObject pod)
    {
        await entry.Worker.RunAsync();
        lock (_gate)
        {
            // Kept until the pod is gone: an old event that comes late must not start it again.
            entry.Ended = true;
            if (entry.Gone)
            {
                Forget(entry);
                return;
            }
        }

        if (store.Get(Resources.Pods.KeyOf(pod)) is { Deleting: true } current && current.Uid == pod.Uid)
        {
            Remove(pod);
        }
    }

    private void Remove(JsonObject pod)
    {
        try
        {
            store.Delete(Resources.Pods.KeyOf(pod), DeleteRequest.Now with { Uid = pod.Uid });
        }
        catch (ApiStatusException gone) when (gone.Status.Code is 404 or 409)
        {
        }
    }

    private async Task StopAllAsync()
    {
        Task[] running;
        lock (_gate)
        {
            foreach (var entry in _workers.Values)
            {
                entry.Worker.Stop(settings.Options.StopTimeout);
            }

            running = [.. _workers.Values.Select(static entry => entry.Done)];
        }

        await Task.WhenAll(running);
    }

    private sealed class Entry(PodWorker worker)
    {
        public PodWorker Worker { get; } = worker;

        public Task Done { get; set; } = Task.CompletedTask;

        public bool Ended { get; set; }

        public bool Gone { get; set; }
    }

    [LoggerMessage(LogLevel.Information, "Process {Process} of an earlier cluster was still running and is ended")]
    private partial void LogLeftover(int process);
}

/// <summary>What the pod host is configured with.</summary>
internal sealed record PodHostSettings(PodOptions Options, TimeProvider Clock);
