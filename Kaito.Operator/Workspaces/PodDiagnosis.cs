using System.Collections.Immutable;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Workspaces;

/// <summary>PURE: why pods do not run, most telling reason first.</summary>
internal static class PodDiagnosis
{
    private const int MessageLimit = 256;

    private static readonly ImmutableHashSet<string> s_pull =
    [
        "ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError",
        "RegistryUnavailable",
    ];

    private static readonly ImmutableHashSet<string> s_start =
    [
        "CreateContainerConfigError", "PreCreateHookError", "CreateContainerError", "PreStartHookError",
        "RunContainerError", "PostStartHookError",
    ];

    /// <summary>Null when the pods show nothing wrong.</summary>
    public static (string Reason, string Message)? Find(ImmutableArray<Pod> pods)
    {
        var containers = pods.SelectMany(static pod => (pod.Status?.InitContainerStatuses ?? [])
            .Concat(pod.Status?.ContainerStatuses ?? []).Select(c => (Pod: pod, Container: c))).ToImmutableArray();
        return OutOfMemory(containers)
            ?? Waiting(containers, "ImagePullError", s_pull)
            ?? Waiting(containers, "ContainerStartError", s_start)
            ?? CrashLoop(containers)
            ?? Evicted(pods)
            ?? Unschedulable(pods);
    }

    public static string Cut(string message) =>
        message.Length <= MessageLimit ? message : message[..MessageLimit] + "...";

    private static (string, string)? OutOfMemory(ImmutableArray<(Pod Pod, ContainerStatus Container)> containers)
    {
        foreach (var (pod, container) in containers)
        {
            if (container.State?.Terminated?.Reason == "OOMKilled"
                || container.LastState?.Terminated?.Reason == "OOMKilled")
            {
                return ("ContainerOOMKilled", Cut($"{pod.Metadata.Name}/{container.Name} ran out of memory"));
            }
        }

        return null;
    }

    private static (string, string)? Waiting(
        ImmutableArray<(Pod Pod, ContainerStatus Container)> containers, string reason, ImmutableHashSet<string> of)
    {
        foreach (var (pod, container) in containers)
        {
            if (container.State?.Waiting is { Reason: { } why } waiting && of.Contains(why))
            {
                return (reason, Cut($"{pod.Metadata.Name}/{container.Name}: {why}: {waiting.Message}"));
            }
        }

        return null;
    }

    private static (string, string)? CrashLoop(ImmutableArray<(Pod Pod, ContainerStatus Container)> containers)
    {
        foreach (var (pod, container) in containers)
        {
            if (container.State?.Waiting?.Reason == "CrashLoopBackOff")
            {
                var last = container.LastState?.Terminated;
                var why = last?.Message is { Length: > 0 } said ? said : $"exit code {last?.ExitCode}";
                return ("ContainerCrashLoopBackOff",
                    Cut($"{pod.Metadata.Name}/{container.Name} restarted {container.RestartCount} times: {why}"));
            }
        }

        return null;
    }

    private static (string, string)? Evicted(ImmutableArray<Pod> pods)
    {
        var evicted = pods.FirstOrDefault(static p => p.Status is { Phase: "Failed", Reason: "Evicted" });
        if (evicted is null)
        {
            return null;
        }

        var message = evicted.Status?.Message ?? "";
        var reason = message switch
        {
            _ when message.Contains("ephemeral-storage", StringComparison.OrdinalIgnoreCase)
                || message.Contains("disk", StringComparison.OrdinalIgnoreCase) => "NodeDiskPressure",
            _ when message.Contains("memory", StringComparison.OrdinalIgnoreCase) => "NodeMemoryPressure",
            _ => "PodEvicted",
        };
        return (reason, Cut($"{evicted.Metadata.Name}: {message}"));
    }

    private static (string, string)? Unschedulable(ImmutableArray<Pod> pods)
    {
        foreach (var pod in pods.Where(static p => p.Status?.Phase == "Pending"))
        {
            if ((pod.Status?.Conditions ?? []).FirstOrDefault(static c =>
                c is { Type: "PodScheduled", Status: "False", Reason: "Unschedulable" }) is { } condition)
            {
                return ("Unschedulable", Cut($"{pod.Metadata.Name}: {condition.Message}"));
            }
        }

        return null;
    }
}
