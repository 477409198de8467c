using System.Collections.Immutable;
using System.Globalization;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Workspaces;

/// <summary>PURE: how far a tuning Job has come. A pod that failed is not a Job that failed: the Job tries again.</summary>
internal static class TuningConditions
{
    private const string Started = "WorkspaceTuningJobStatusStarted";

    /// <summary>The conditions, and the state that they amount to.</summary>
    /// <param name="job">Null before it is made.</param>
    /// <param name="pods">Its pods.</param>
    /// <param name="warnings">What the cluster says of them; the newest first.</param>
    public static (ImmutableArray<Condition> Conditions, string State) Of(
        Job? job, ImmutableArray<Pod> pods, ImmutableArray<KubeEvent> warnings = default)
    {
        if (Ended(job, "Failed") is { } failed)
        {
            var message = PodDiagnosis.Cut($"tuning job failed: {failed.Reason}: {failed.Message}")
                + (PodDiagnosis.Find(pods) is { } last
                    ? $" Last attempt: {last.Message}; then delete the Job to train again"
                    : ". Next: read the pods' logs, then delete the Job to train again");
            return (
                [
                    WorkspaceConditions.Unmet(ConditionTypes.JobStarted, "WorkspaceTuningJobStatusFailed", message),
                    WorkspaceConditions.Unmet(ConditionTypes.WorkspaceSucceeded, "workspaceFailed", message),
                ],
                WorkspaceStates.Failed);
        }

        if (Ended(job, "Complete") is not null || job?.Status?.Succeeded > 0)
        {
            return (
                [
                    WorkspaceConditions.Met(ConditionTypes.JobStarted, Started, "Tuning job has started"),
                    WorkspaceConditions.Met(
                        ConditionTypes.WorkspaceSucceeded, "workspaceSucceeded", "workspace succeeds"),
                ],
                WorkspaceStates.Succeeded);
        }

        return job?.Status?.Ready > 0 || pods.Any(static p => p.Status?.Phase == "Running")
            ? Running(job)
            : Waiting(job, pods, warnings);
    }

    /// <summary>Whether nothing will be tried any more.</summary>
    public static bool IsOver(Job job) => Ended(job, "Failed") is not null || Ended(job, "Complete") is not null;

    private static (ImmutableArray<Condition>, string) Running(Job? job) => (
        [
            WorkspaceConditions.Met(ConditionTypes.JobStarted, Started, "Tuning job has started"),
            Pending("workspace has not completed yet, tuning job is running" + Attempts(job)),
        ],
        WorkspaceStates.Running);

    // A pod that was made and cannot start counts as active for the Job, and has not started for people.
    private static (ImmutableArray<Condition>, string) Waiting(
        Job? job, ImmutableArray<Pod> pods, ImmutableArray<KubeEvent> warnings)
    {
        var (reason, message) = job is not null && PodDiagnosis.Find(pods, warnings) is { } found
            ? found
            : ("WorkspaceTuningJobStatusPending", "Tuning job has not started");
        return (
            [
                WorkspaceConditions.Unmet(ConditionTypes.JobStarted, reason, message + Attempts(job)),
                Pending("workspace is initializing, tuning job has not started"),
            ],
            WorkspaceStates.Pending);
    }

    private static Condition Pending(string message) =>
        WorkspaceConditions.Unmet(ConditionTypes.WorkspaceSucceeded, "workspacePending", message);

    private static string Attempts(Job? job) => job?.Status?.Failed is > 0 and var failed
        ? string.Create(CultureInfo.InvariantCulture, $"; failed attempts so far: {failed}")
        : "";

    private static StatusCondition? Ended(Job? job, string type) =>
        (job?.Status?.Conditions ?? []).FirstOrDefault(c => c.Type == type && c.Status == "True");
}
