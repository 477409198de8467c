using System.Collections.Immutable;
using System.Globalization;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Workspaces;

/// <summary>PURE: why pods do not run and what to do about it, most telling reason first.</summary>
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
    /// <param name="pods">Of one workload.</param>
    /// <param name="warnings">What the cluster says of them and of their workload; the newest first.</param>
    public static (string Reason, string Message)? Find(
        ImmutableArray<Pod> pods, ImmutableArray<KubeEvent> warnings = default)
    {
        var containers = pods.Where(static p => p.Metadata.DeletionTimestamp is null).SelectMany(Suspects)
            .ToImmutableArray();
        return OutOfMemory(containers)
            ?? Waiting(containers, "ImagePullError", s_pull, NextSteps.ForImage)
            ?? Waiting(containers, "ContainerStartError", s_start, NextSteps.ForStart)
            ?? Failed(containers)
            ?? Evicted(pods)
            ?? Unschedulable(pods)
            ?? Warned(warnings.IsDefault ? [] : warnings)
            ?? Loading(containers);
    }

    public static string Cut(string message) =>
        message.Length <= MessageLimit ? message : message[..MessageLimit] + "...";

    private static IEnumerable<Suspect> Suspects(Pod pod) =>
        (pod.Status?.InitContainerStatuses ?? []).Select(c => new Suspect(pod, c, IsFirst: true))
            .Concat((pod.Status?.ContainerStatuses ?? []).Select(c => new Suspect(pod, c, IsFirst: false)));

    private static (string, string) Told(string reason, string message, string next) =>
        (reason, $"{Cut(message)}. Next: {next}");

    private static (string, string)? OutOfMemory(ImmutableArray<Suspect> containers)
    {
        var killed = containers.FirstOrDefault(static c => c.Status.State?.Terminated?.Reason == "OOMKilled"
            || c.Status.LastState?.Terminated?.Reason == "OOMKilled");
        return killed is null
            ? null
            : Told("ContainerOOMKilled", $"{killed} ran out of memory", NextSteps.ForMemory);
    }

    private static (string, string)? Waiting(
        ImmutableArray<Suspect> containers, string reason, ImmutableHashSet<string> of,
        Func<string, string> next)
    {
        var stuck = containers.FirstOrDefault(c => c.Status.State?.Waiting?.Reason is { } why && of.Contains(why));
        return stuck?.Status.State?.Waiting is not { } waiting
            ? null
            : Told(reason, $"{stuck}: {waiting.Reason}: {waiting.Message}", next($"{waiting.Reason} {waiting.Message}"));
    }

    // It ended with an error, be it that it waits to be started again, that it runs again, or that it never will.
    private static (string, string)? Failed(ImmutableArray<Suspect> containers)
    {
        var failed = containers.FirstOrDefault(static c => c.Status.State?.Waiting?.Reason == "CrashLoopBackOff")
            ?? containers.FirstOrDefault(static c => !c.Status.Ready && c.Ended is not null);
        if (failed is null)
        {
            return null;
        }

        var why = LastWords(failed.Ended ?? failed.Status.LastState?.Terminated);
        var times = failed.Status.RestartCount;
        var what = times == 0
            ? $"{failed} failed: {why}"
            : string.Create(CultureInfo.InvariantCulture, $"{failed} restarted {times} times: {why}");
        var (reason, next) = NextSteps.ForFailure(failed.Status.Name ?? "", failed.Pod.Metadata.Name!, why);
        return Told(reason, what, next);
    }

    private static string LastWords(ContainerStateReason? ended) => ended?.Message is { Length: > 0 } said
        ? LastLines(said)
        : string.Create(CultureInfo.InvariantCulture, $"exit code {ended?.ExitCode}");

    // The end of a log is what its program said last.
    private static string LastLines(string said)
    {
        var text = said.Trim().ReplaceLineEndings(" ");
        return text.Length <= MessageLimit / 2 ? text : "..." + text[^(MessageLimit / 2)..];
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
        return Told(reason, $"{evicted.Metadata.Name}: {message}", NextSteps.ForEviction(reason));
    }

    private static (string, string)? Unschedulable(ImmutableArray<Pod> pods)
    {
        foreach (var pod in pods.Where(static p => p.Status?.Phase == "Pending"))
        {
            if ((pod.Status?.Conditions ?? []).FirstOrDefault(static c =>
                c is { Type: "PodScheduled", Status: "False", Reason: "Unschedulable" }) is { } condition)
            {
                return Told(
                    "Unschedulable", $"{pod.Metadata.Name}: {condition.Message}",
                    NextSteps.ForScheduling(condition.Message ?? ""));
            }
        }

        return null;
    }

    private static (string, string)? Warned(ImmutableArray<KubeEvent> warnings)
    {
        var told = warnings.FirstOrDefault(static w => NextSteps.ForWarning(w) is not null);
        return told is null
            ? null
            : Told(
                told.Reason!, $"{told.InvolvedObject?.Kind} {told.InvolvedObject?.Name}: {told.Message}",
                NextSteps.ForWarning(told)!);
    }

    // Loading a model takes minutes: this is no failure, and yet what people want to know.
    private static (string, string)? Loading(ImmutableArray<Suspect> containers)
    {
        var loading = containers.FirstOrDefault(static c => c is
        {
            IsFirst: false, Status: { Ready: false, State.Running: not null },
        });
        return loading is null
            ? null
            : ("WorkspaceInferenceStatusPending",
                $"{loading} runs and is not ready yet: {(loading.Status.Started == true
                    ? "its readiness probe fails" : "its startup probe has not succeeded")}. "
                + $"Next: wait while the model loads, or read {NextSteps.Log(loading.Pod.Metadata.Name!)}");
    }

    // Containers that run first come to an end and are never ready.
    private sealed record Suspect(Pod Pod, ContainerStatus Status, bool IsFirst)
    {
        /// <summary>How it ended with an error, in this run or, when it runs again, in the one before.</summary>
        public ContainerStateReason? Ended => Status.State?.Terminated is { } now
            ? now.ExitCode is null or 0 ? null : now
            : Status.LastState?.Terminated is { ExitCode: not (null or 0) } before ? before : null;

        public override string ToString() => $"{Pod.Metadata.Name}/{Status.Name}";
    }
}
