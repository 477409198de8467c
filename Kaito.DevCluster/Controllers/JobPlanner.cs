using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Controllers;

/// <summary>What to do about one Job.</summary>
/// <param name="Create">How many pods to create.</param>
/// <param name="Delete">Pods to delete.</param>
/// <param name="Status">The status to write.</param>
/// <param name="Remove">The Job has outlived its ttl.</param>
/// <param name="RecheckAfter">When time alone changes the answer.</param>
internal sealed record JobPlan(
    int Create, ImmutableArray<JsonObject> Delete, JsonObject Status, bool Remove, TimeSpan? RecheckAfter);

/// <summary>The decisions of the Job controller.</summary>
internal static class JobPlanner
{
    /// <param name="job">The Job as stored.</param>
    /// <param name="pods">The pods it controls.</param>
    /// <param name="pause">Before the second pod after a failure; doubles with each failure.</param>
    /// <param name="now">The time.</param>
    public static JobPlan Plan(JsonObject job, IReadOnlyCollection<JsonObject> pods, TimeSpan pause, DateTimeOffset now)
    {
        if (Finished(job))
        {
            return AfterEnd(job, pods, now);
        }

        var count = new Counts(
            pods.Count(static p => !PodTemplates.IsFinished(p) && !p.Deleting),
            pods.Count(static p => p.Text("status", "phase") == "Succeeded"),
            pods.Count(static p => p.Text("status", "phase") == "Failed"));
        var end = End(job, pods, count, now);
        var status = Status(job, pods, count, now);
        if (end is { } condition)
        {
            string[] types = condition.Type == "Complete" ? ["SuccessCriteriaMet", "Complete"] : ["FailureTarget", "Failed"];
            status["conditions"] = Conditions.Merge(job, now, types.Select(type => condition with { Type = type }));
            status["active"] = 0;
            if (condition.Type == "Complete")
            {
                status["completionTime"] = Fields.Stamp(now);
            }

            return new(0, [.. pods.Where(static p => !PodTemplates.IsFinished(p) && !p.Deleting)], status, false, null);
        }

        return Continue(job, pods, count, (status, pause, now));
    }

    private static bool Finished(JsonObject job) => Conditions.IsTrue(job, "Complete") || Conditions.IsTrue(job, "Failed");

    private static JobPlan AfterEnd(JsonObject job, IReadOnlyCollection<JsonObject> pods, DateTimeOffset now)
    {
        var status = (JsonObject)job["status"]!.DeepClone();
        var ended = Conditions.Find(job, Conditions.IsTrue(job, "Complete") ? "Complete" : "Failed")?.Time("lastTransitionTime");
        var left = job.Number("spec", "ttlSecondsAfterFinished") is { } ttl
            ? (ended ?? now) + TimeSpan.FromSeconds(ttl) - now
            : (TimeSpan?)null;
        return new(
            0, [.. pods.Where(static p => !PodTemplates.IsFinished(p) && !p.Deleting)], status, left <= TimeSpan.Zero, left);
    }

    private static Condition? End(JsonObject job, IReadOnlyCollection<JsonObject> pods, Counts count, DateTimeOffset now)
    {
        var completions = job.Number("spec", "completions") ?? 1;
        if (count.Succeeded >= completions)
        {
            return new("Complete", "True", "CompletionsReached", "Reached expected number of succeeded pods");
        }

        if (count.Failed + Restarts(job, pods) > (job.Number("spec", "backoffLimit") ?? 6))
        {
            return new("Failed", "True", "BackoffLimitExceeded", "Job has reached the specified backoff limit");
        }

        return Deadline(job) <= now
            ? new("Failed", "True", "DeadlineExceeded", "Job was active longer than specified deadline")
            : null;
    }

    private static JobPlan Continue(
        JsonObject job,
        IReadOnlyCollection<JsonObject> pods,
        Counts count,
        (JsonObject Status, TimeSpan Pause, DateTimeOffset Now) at)
    {
        if (job.Flag("spec", "suspend"))
        {
            return new(0, [.. pods.Where(static p => !PodTemplates.IsFinished(p) && !p.Deleting)], at.Status, false, null);
        }

        var missing = (job.Number("spec", "completions") ?? 1) - count.Succeeded - count.Active;
        var room = (job.Number("spec", "parallelism") ?? 1) - count.Active;
        var create = Math.Max(0, Math.Min(missing, room));
        var left = Deadline(job) - at.Now;
        if (create > 0 && count.Failed > 0 && Due(pods, at.Pause, count.Failed) is { } due && due > at.Now)
        {
            create = 0;
            left = left < due - at.Now ? left : due - at.Now;
        }

        at.Status["active"] = count.Active + create;
        return new(create, [], at.Status, false, left);
    }

    private static DateTimeOffset? Due(IEnumerable<JsonObject> pods, TimeSpan pause, int failed) => pods
        .SelectMany(static p => p.Objects("status", "containerStatuses"))
        .Select(static c => c.Time("state", "terminated", "finishedAt"))
        .Max() + (pause * Math.Pow(2, Math.Min(failed - 1, 10)));

    private static DateTimeOffset? Deadline(JsonObject job) =>
        job.Number("spec", "activeDeadlineSeconds") is { } seconds
            ? job.Time("status", "startTime") + TimeSpan.FromSeconds(seconds)
            : null;

    // With OnFailure the kubelet restarts the container in place; those restarts count as failures.
    private static int Restarts(JsonObject job, IEnumerable<JsonObject> pods) =>
        job.Text("spec", "template", "spec", "restartPolicy") == "OnFailure"
            ? pods.SelectMany(static p => p.Objects("status", "containerStatuses")).Sum(static c => c.Number("restartCount") ?? 0)
            : 0;

    private static JsonObject Status(JsonObject job, IReadOnlyCollection<JsonObject> pods, Counts count, DateTimeOffset now)
    {
        var status = job["status"]?.DeepClone() as JsonObject ?? [];
        status["startTime"] ??= Fields.Stamp(now);
        status["active"] = count.Active;
        status["ready"] = pods.Count(static p => PodTemplates.IsReady(p) && !PodTemplates.IsFinished(p));
        status["succeeded"] = count.Succeeded;
        status["failed"] = count.Failed;
        status["terminating"] = pods.Count(static p => p.Deleting);
        return status;
    }

    private readonly record struct Counts(int Active, int Succeeded, int Failed);
}
