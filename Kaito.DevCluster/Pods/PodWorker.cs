using System.Text.Json.Nodes;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Pods;

/// <summary>Runs one pod from its binding to its removal.</summary>
internal sealed partial class PodWorker(PodServices services, JsonObject pod) : IDisposable
{
    private static readonly TimeSpan s_retry = TimeSpan.FromMilliseconds(500);
    private readonly ObjectKey _key = Resources.Pods.KeyOf(pod);
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<string, ContainerState> _containers = [];
    private readonly DateTimeOffset _started = services.Clock.GetUtcNow();
    private TimeSpan _grace = TimeSpan.FromSeconds(30);

    public string Uid => pod.Uid;

    /// <summary>Stops the containers; later calls can only shorten the grace.</summary>
    public void Stop(TimeSpan grace)
    {
        lock (_gate)
        {
            _grace = _stop.IsCancellationRequested && _grace < grace ? _grace : grace;
        }

        // Not on the caller's thread, which holds a lock: what waits on the token runs at once.
        _ = _stop.CancelAsync();
    }

    /// <summary>Returns when no process of the pod is left. Never throws for what a pod does.</summary>
    public async Task RunAsync()
    {
        try
        {
            var place = await PrepareAsync();
            if (await InitialiseAsync(place))
            {
                await Task.WhenAll(pod.Objects("spec", "containers").Select(c => RunContainerAsync(place, c, init: false)));
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
        }
        catch (Exception failure)
        {
            LogFailed(services.Logger, failure, pod.Namespace, pod.Name);
            services.Events.Warning(pod, "FailedCreatePodSandBox", failure.Message, "kubelet");
        }
    }

    /// <summary>Removes what the pod wrote, claims excepted.</summary>
    public void RemoveFiles()
    {
        try
        {
            Directory.Delete(Folder, recursive: true);
        }
        catch (Exception busy) when (busy is IOException or UnauthorizedAccessException)
        {
            // A reader of the log may still be there; the folder is of no further use and goes with the state folder.
        }
    }

    public void Dispose() => _stop.Dispose();

    private string Folder => Path.Combine(
        services.Options.PodsFolder, PodFolder.NameOf(pod.Namespace, pod.Name, pod.Uid));

    private TimeSpan Grace()
    {
        lock (_gate)
        {
            return _grace;
        }
    }

    private async Task<PodPlace> PrepareAsync()
    {
        foreach (var (container, init) in AllContainers())
        {
            Set(new(container.Text("name") ?? "", container.Text("image") ?? "", init));
        }

        Publish();
        var ports = PodPorts.Allocate(pod);
        var current = services.Store.Modify(_key, stored =>
            stored.Child("metadata", "annotations")[PodPorts.Annotation] = PodPorts.Render(ports)) ?? pod;
        return new(current, Folder, await VolumesAsync(current), ports, Dotnet());
    }

    private IEnumerable<(JsonObject Container, bool Init)> AllContainers() =>
        pod.Objects("spec", "initContainers").Select(static c => (c, true))
            .Concat(pod.Objects("spec", "containers").Select(static c => (c, false)));

    private async Task<Dictionary<string, string>> VolumesAsync(JsonObject current)
    {
        var volumes = new VolumeFolders(services.Options, services.Store.Get);
        while (true)
        {
            try
            {
                return volumes.Materialise(current, Folder);
            }
            catch (PodConfigException missing)
            {
                services.Events.Warning(pod, "FailedMount", missing.Message, "kubelet");
            }

            await Task.Delay(s_retry, services.Clock, _stop.Token);
        }
    }

    private async Task<bool> InitialiseAsync(PodPlace place)
    {
        foreach (var container in pod.Objects("spec", "initContainers"))
        {
            if (await RunContainerAsync(place, container, init: true) != 0)
            {
                return false;
            }
        }

        return true;
    }

    private Task<int> RunContainerAsync(PodPlace place, JsonObject container, bool init) =>
        new ContainerWorker(services, place, container, init, state =>
        {
            Set(state);
            Publish();
        }).RunAsync(Grace, _stop.Token);

    private void Set(ContainerState state)
    {
        lock (_gate)
        {
            _containers[state.Name] = state;
        }
    }

    private void Publish()
    {
        services.Store.ModifyStatus(_key, stored =>
        {
            if (stored.Uid != pod.Uid)
            {
                return;
            }

            // Read inside: whoever writes last has seen every state set before.
            ContainerState[] states;
            lock (_gate)
            {
                states = [.. AllContainers().Select(c => _containers[c.Container.Text("name") ?? ""])];
            }

            stored["status"] = PodStatus.Render(stored, states, _started, services.Clock.GetUtcNow());
        });
    }

    private static string Dotnet() =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? Environment.ProcessPath! : "dotnet";

    [LoggerMessage(LogLevel.Error, "Pod {Namespace}/{Pod} cannot run")]
    private static partial void LogFailed(ILogger logger, Exception failure, string @namespace, string pod);
}
