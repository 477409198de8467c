using System.Text.Json.Nodes;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Pods;

/// <summary>Renders a pod's status from the states of its containers.</summary>
internal static class PodStatus
{
    private const string Address = "127.0.0.1";

    /// <param name="pod">The pod as stored; conditions that others set are kept.</param>
    /// <param name="containers">All the containers, init containers first.</param>
    /// <param name="started">When the pod was accepted.</param>
    /// <param name="now">The time.</param>
    public static JsonObject Render(
        JsonObject pod, IReadOnlyCollection<ContainerState> containers, DateTimeOffset started, DateTimeOffset now)
    {
        var init = containers.Where(static c => c.Init).ToArray();
        var main = containers.Where(static c => !c.Init).ToArray();
        var phase = Phase(pod.Text("spec", "restartPolicy") ?? "Always", init, main);
        var status = pod["status"]?.DeepClone() as JsonObject ?? [];
        status["phase"] = phase;
        status["hostIP"] = Address;
        status["podIP"] = Address;
        status["hostIPs"] = new JsonArray(new JsonObject { ["ip"] = Address });
        status["podIPs"] = new JsonArray(new JsonObject { ["ip"] = Address });
        status["startTime"] = Fields.Stamp(started);
        status["qosClass"] = "BestEffort";
        status["conditions"] = Conditions.Merge(pod, now, PodConditions(phase, init, main));
        if (init.Length > 0)
        {
            status["initContainerStatuses"] = Fields.ListOf(init.Select(static c => c.Render()));
        }

        status["containerStatuses"] = Fields.ListOf(main.Select(static c => c.Render()));
        return status;
    }

    /// <summary>The pod's phase, by the rules of the kubelet.</summary>
    public static string Phase(
        string restartPolicy, IReadOnlyCollection<ContainerState> init, IReadOnlyCollection<ContainerState> main)
    {
        if (restartPolicy == "Never" && init.Any(static c => c.Phase is ContainerPhase.Terminated { ExitCode: not 0 }))
        {
            return "Failed";
        }

        if (!Initialized(init) || main.Any(static c => c.Phase is ContainerPhase.Waiting && c.Last is null))
        {
            return "Pending";
        }

        if (restartPolicy == "Always" || !main.All(static c => c.Phase is ContainerPhase.Terminated))
        {
            return "Running";
        }

        return main.All(static c => c.Phase is ContainerPhase.Terminated { ExitCode: 0 }) ? "Succeeded"
            : restartPolicy == "Never" ? "Failed" : "Running";
    }

    private static bool Initialized(IReadOnlyCollection<ContainerState> init) =>
        init.All(static c => c.Phase is ContainerPhase.Terminated { ExitCode: 0 });

    private static IEnumerable<Condition> PodConditions(string phase, ContainerState[] init, ContainerState[] main)
    {
        var pending = init.Where(static c => c.Phase is not ContainerPhase.Terminated { ExitCode: 0 }).Select(static c => c.Name);
        var unready = main.Where(static c => !(c.Phase is ContainerPhase.Running && c.Ready)).Select(static c => c.Name).ToArray();
        yield return new("PodReadyToStartContainers", "True");
        yield return Initialized(init)
            ? new("Initialized", "True", phase == "Succeeded" ? "PodCompleted" : "")
            : new("Initialized", "False", "ContainersNotInitialized",
                $"containers with incomplete status: [{string.Join(' ', pending)}]");
        foreach (var type in (string[])["Ready", "ContainersReady"])
        {
            yield return (unready.Length, phase) switch
            {
                (0, _) => new(type, "True"),
                (_, "Succeeded") => new(type, "False", "PodCompleted"),
                (_, "Failed") => new(type, "False", "PodFailed"),
                _ => new(type, "False", "ContainersNotReady",
                    $"containers with unready status: [{string.Join(' ', unready)}]"),
            };
        }
    }
}
