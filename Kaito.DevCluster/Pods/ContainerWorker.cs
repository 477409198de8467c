using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Pods;

/// <summary>What the workers of all pods share.</summary>
internal sealed record PodServices(
    IClusterStore Store,
    EventRecorder Events,
    ProcessLauncher Launcher,
    ProbeRunner Probes,
    PodOptions Options,
    TimeProvider Clock,
    ILogger<PodHost> Logger);

/// <summary>Runs one container until it is done or its pod stops: launch, probe, restart with growing pauses.</summary>
internal sealed partial class ContainerWorker(
    PodServices services, PodPlace place, JsonObject container, bool init, Action<ContainerState> publish)
{
    private const string Component = "kubelet";
    private static readonly TimeSpan s_configRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longGoodRun = TimeSpan.FromMinutes(10);
    private readonly string _name = container.Text("name") ?? "";
    private readonly string _policy = place.Pod.Text("spec", "restartPolicy") ?? "Always";
    private readonly Lock _gate = new();
    private ContainerState _state = new(container.Text("name") ?? "", container.Text("image") ?? "", init);
    private string? _stopReason;

    /// <summary>Returns the exit code of the last run once the container will not run again.</summary>
    /// <param name="grace">How long the process may take to end when stopped.</param>
    /// <param name="stopping">Cancelled when the pod stops.</param>
    public async Task<int> RunAsync(Func<TimeSpan> grace, CancellationToken stopping)
    {
        for (var restarts = 0; ; restarts++)
        {
            var launch = await LaunchAsync(stopping);
            var run = await RunOnceAsync(launch, grace, stopping);
            if (stopping.IsCancellationRequested || !RestartPause.Restarts(_policy, init, run.ExitCode))
            {
                return run.ExitCode;
            }

            restarts = run.Until - run.Since > s_longGoodRun ? 0 : restarts;
            await PauseAsync(RestartPause.Before(restarts, services.Options), run, stopping);
        }
    }

    private void Set(Func<ContainerState, ContainerState> change)
    {
        lock (_gate)
        {
            _state = change(_state);
            publish(_state);
        }
    }

    // Waits until the container can be started; says meanwhile what is missing.
    private async Task<ContainerLaunch.Start> LaunchAsync(CancellationToken stopping)
    {
        var complaint = "";
        while (true)
        {
            switch (ContainerLaunch.Plan(place, container, services.Options, services.Store.Get))
            {
                case ContainerLaunch.Start start:
                    Announce(start);
                    return start;
                case ContainerLaunch.Wait wait when complaint != wait.Message:
                    complaint = wait.Message;
                    Set(state => state with { Phase = new ContainerPhase.Waiting(wait.Reason, wait.Message) });
                    Warn("Failed", wait.Message);
                    break;
                case ContainerLaunch.Wait { Reason: "ErrImagePull" } wait:
                    Set(state => state with { Phase = new ContainerPhase.Waiting("ImagePullBackOff", wait.Message) });
                    break;
            }

            await Task.Delay(s_configRetry, services.Clock, stopping);
        }
    }

    private void Announce(ContainerLaunch.Start start)
    {
        if (_state.Restarts > 0)
        {
            return;
        }

        Say("Pulled", $"Container image \"{container.Text("image")}\" runs as {string.Join(' ', start.Spec.Command.Take(2))}");
        if (start.Model is { SubstitutedFor: { } wanted, Folder: var folder })
        {
            Say("ModelSubstituted", $"Model \"{wanted}\" is not on this computer: {folder} is served in its place");
            LogSubstituted(services.Logger, place.Pod.Namespace, place.Pod.Name, wanted, folder);
        }
    }

    private async Task<ContainerPhase.Terminated> RunOnceAsync(
        ContainerLaunch.Start launch, Func<TimeSpan> grace, CancellationToken stopping)
    {
        var since = services.Clock.GetUtcNow();
        using var log = new ContainerLog(Path.Combine(place.Folder, "logs"), _name, services.Clock);
        Process process;
        try
        {
            process = await services.Launcher.StartAsync(launch.Spec);
        }
        catch (Exception failure) when (failure is Win32Exception or InvalidOperationException or IOException)
        {
            Warn("Failed", $"Error: {failure.Message}");
            return End(new(128, "StartError", failure.Message, since, services.Clock.GetUtcNow()));
        }

        using (process)
        {
            PodFolder.Note(services.Options.PodsFolder, place.Pod.Uid, process.Id);
            Say("Started", $"Started container {_name}");
            Set(state => state with { Phase = new ContainerPhase.Running(since), Started = false, Ready = false });
            var code = await AttendAsync(process, launch, log, (grace, stopping));
            PodFolder.Forget(services.Options.PodsFolder, place.Pod.Uid, process.Id);
            var reason = _stopReason is null && code == 0 ? "Completed" : "Error";
            return End(new(code, reason, "", since, services.Clock.GetUtcNow()));
        }
    }

    private ContainerPhase.Terminated End(ContainerPhase.Terminated run)
    {
        Set(state => state with { Phase = run, Ready = false, Started = false });
        return run;
    }

    // Copies output and probes while the process runs; ends it when the pod stops or a probe gives up.
    private async Task<int> AttendAsync(
        Process process, ContainerLaunch.Start launch, ContainerLog log, (Func<TimeSpan> Grace, CancellationToken Stopping) life)
    {
        using var ended = new CancellationTokenSource();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(life.Stopping);
        _stopReason = null;
        var output = Task.WhenAll(log.CopyAsync(process.StandardOutput), log.CopyAsync(process.StandardError));
        var probes = ProbeAsync(launch, end, ended.Token);
        var exit = process.WaitForExitAsync(CancellationToken.None);
        await Task.WhenAny(exit, Task.Delay(Timeout.InfiniteTimeSpan, services.Clock, end.Token));
        if (!exit.IsCompleted)
        {
            Say("Killing", _stopReason ?? $"Stopping container {_name}");
            await StopAsync(process, life.Grace());
        }

        await ended.CancelAsync();
        await probes;
        await exit;

        // A grandchild may hold the pipes open after the process is gone.
        await Task.WhenAny(output, Task.Delay(TimeSpan.FromSeconds(1), services.Clock));
        return process.ExitCode;
    }

    private async Task StopAsync(Process process, TimeSpan grace)
    {
        ProcessLauncher.Terminate(process);
        using var limit = new CancellationTokenSource(grace, services.Clock);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            ProcessLauncher.Kill(process);
        }
    }

    private async Task ProbeAsync(ContainerLaunch.Start launch, CancellationTokenSource end, CancellationToken ended)
    {
        if (init)
        {
            return;
        }

        try
        {
            await ProbeOneAsync("Startup", launch, end, static (state, _) => state.Passing is null, ended);
            Set(state => state with { Started = true, Ready = container.At("readinessProbe") is null });
            await Task.WhenAll(
                ProbeOneAsync("Readiness", launch, end, (state, _) => Ready(state), ended),
                ProbeOneAsync("Liveness", launch, end, static (_, _) => true, ended));
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
        }
    }

    private bool Ready(ProbeState state)
    {
        if (state.Passing is { } passing && passing != _state.Ready)
        {
            Set(s => s with { Ready = passing });
        }

        return true;
    }

    private async Task ProbeOneAsync(
        string kind,
        ContainerLaunch.Start launch,
        CancellationTokenSource end,
        Func<ProbeState, string?, bool> seen,
        CancellationToken ended)
    {
        if (container.At($"{kind.ToLowerInvariant()}Probe") is not JsonObject probe)
        {
            return;
        }

        var target = new ProbeTarget(probe, launch.Spec, LocalPort, launch.Mounts.Rewrite);
        await services.Probes.WatchAsync(target, eager: kind != "Liveness", (state, failure) =>
        {
            if (failure is not null)
            {
                Warn("Unhealthy", $"{kind} probe failed: {failure}");
            }

            if (state.Passing == false && kind != "Readiness")
            {
                _stopReason = $"Container {_name} failed {kind.ToLowerInvariant()} probe, will be restarted";
                _ = end.CancelAsync();
                return false;
            }

            return seen(state, failure);
        }, ended);
    }

    private int? LocalPort(string? port)
    {
        var number = container.Objects("ports").FirstOrDefault(p => p.Text("name") == port)?.Number("containerPort")
            ?? (int.TryParse(port, System.Globalization.CultureInfo.InvariantCulture, out var parsed) ? parsed : 0);
        return place.Ports.TryGetValue(number, out var local) ? local : null;
    }

    private async Task PauseAsync(TimeSpan pause, ContainerPhase.Terminated run, CancellationToken stopping)
    {
        if (pause > TimeSpan.Zero)
        {
            var message = $"back-off {pause.TotalSeconds:0.###}s restarting failed container={_name} pod={place.Pod.Name}";
            Set(state => state with { Phase = new ContainerPhase.Waiting("CrashLoopBackOff", message), Last = run });
            Warn("BackOff", $"Back-off restarting failed container {_name} in pod {place.Pod.Name}");
            await Task.Delay(pause, services.Clock, stopping);
        }

        Set(state => state with { Restarts = state.Restarts + 1, Last = run });
    }

    private string FieldPath => $"spec.{(init ? "initContainers" : "containers")}{{{_name}}}";

    private void Say(string reason, string message) =>
        services.Events.Normal(place.Pod, reason, message, Component, FieldPath);

    private void Warn(string reason, string message) =>
        services.Events.Warning(place.Pod, reason, message, Component, FieldPath);

    [LoggerMessage(LogLevel.Information, "Pod {Namespace}/{Pod}: model {Wanted} is not on this computer, {Folder} is served in its place")]
    private static partial void LogSubstituted(ILogger logger, string @namespace, string pod, string wanted, string? folder);
}
