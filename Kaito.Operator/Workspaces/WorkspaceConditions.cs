using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;

namespace Kaito.Operator.Workspaces;

/// <summary>PURE: conditions and the status that carries them.</summary>
internal static class WorkspaceConditions
{
    private static readonly ImmutableHashSet<string> s_owned =
    [
        ConditionTypes.NodeClaimReady, ConditionTypes.NodesReady, ConditionTypes.ResourceReady,
        ConditionTypes.InferenceReady, ConditionTypes.JobStarted, ConditionTypes.WorkspaceSucceeded, ConditionTypes.WorkspaceDeleting,
        ConditionTypes.BenchmarkCompleted,
    ];

    public static Condition Met(string type, string reason, string message) =>
        new() { Type = type, Status = Condition.True, Reason = reason, Message = message };

    public static Condition Unmet(string type, string reason, string message) =>
        new() { Type = type, Status = Condition.False, Reason = reason, Message = message };

    /// <summary>Whether the inference workload answers, and whether the Workspace does what it is for.</summary>
    public static ImmutableArray<Condition> OfInference(WorkspaceObservation observed, bool resourcesReady)
    {
        if (resourcesReady && IsServing(observed.Workload))
        {
            return
            [
                Met(ConditionTypes.InferenceReady, "WorkspaceInferenceStatusSuccess",
                    "Inference has been deployed successfully"),
                Met(ConditionTypes.WorkspaceSucceeded, "workspaceSucceeded", "workspace succeeds"),
            ];
        }

        var (reason, message) = observed.Workload is not null && PodDiagnosis.Find(observed.Pods, observed.Warnings) is { } found
            ? found
            : ("WorkspaceInferenceStatusPending", "Inference workload is not ready");
        return
        [
            Unmet(ConditionTypes.InferenceReady, reason, message),
            Unmet(ConditionTypes.WorkspaceSucceeded, "workspacePending",
                "workspace is waiting for inference workload readiness"),
        ];
    }

    /// <summary>
    /// The plan when something of it could not be written: what is there goes on, and what is missing is missed.
    /// </summary>
    /// <param name="plan">Whose conditions tell it.</param>
    /// <param name="lacking">The object that is not there.</param>
    /// <param name="wrong">Why.</param>
    public static WorkspacePlan Lacking(WorkspacePlan plan, IKubeObject lacking, KubeException wrong)
    {
        var isNode = lacking is NodeClaim or NodePool;
        var (reason, message) = wrong is KubeNameTakenException
            ? (wrong.Reason, wrong.Message)
            : (isNode ? $"{lacking.Kind}CreationFailed" : "ApplyFailed",
                PodDiagnosis.Cut(
                    $"{lacking.Kind} {lacking.Metadata.Name} cannot be written: {wrong.Message.TrimEnd('.')}")
                + ". Next: correct what the message names, or grant it; it is tried again by itself");
        ImmutableHashSet<string> types = isNode
            ? [ConditionTypes.NodeClaimReady, ConditionTypes.ResourceReady]
            : [ConditionTypes.InferenceReady, ConditionTypes.JobStarted, ConditionTypes.WorkspaceSucceeded];
        return plan with
        {
            Conditions = [.. plan.Conditions.Select(c => types.Contains(c.Type) ? Unmet(c.Type, reason, message) : c)],
            State = plan.State is WorkspaceStates.Ready or WorkspaceStates.Succeeded
                ? WorkspaceStates.NotReady : plan.State,
        };
    }

    /// <summary>The status to write: generation and times added, other controllers' conditions kept.</summary>
    public static WorkspaceStatus Status(
        WorkspaceResource resource, WorkspacePlan plan, string? failure, DateTimeOffset now)
    {
        return new()
        {
            Conditions = ConditionHistory.Next(
                resource.Status?.Conditions ?? [], plan.Conditions, s_owned, resource.Metadata.Generation, failure, now),
            State = plan.State,
            TargetNodeCount = plan.TargetNodes ?? resource.Status?.TargetNodeCount,
            WorkerNodes = plan.WorkerNodes.IsEmpty ? null : plan.WorkerNodes,
            Performance = plan.Performance ?? Benchmark.Kept(resource.Status, plan.Image),
        };
    }

    /// <summary>The merge patch from one status to another; null when there is nothing to say.</summary>
    public static JsonObject? Patch(WorkspaceResource resource, WorkspaceStatus next)
    {
        var before = Json(resource.Status);
        var after = Json(next);
        after["workerNodes"] ??= before.ContainsKey("workerNodes") ? new JsonArray() : null;
        after["performance"] ??= null;
        foreach (var (name, value) in after.ToArray())
        {
            if (JsonNode.DeepEquals(value, before[name]))
            {
                after.Remove(name);
            }
        }

        return after.Count == 0
            ? null
            : new() { ["metadata"] = new JsonObject { ["uid"] = resource.Metadata.Uid }, ["status"] = after };
    }

    // While it rolls out, the ready pods may be of the template before.
    private static bool IsServing(StatefulSet? workload) =>
        workload is { Spec.Replicas: > 0 and var wanted, Status: { } status }
        && status.ReadyReplicas >= wanted
        && status.UpdateRevision == status.CurrentRevision
        && (status.ObservedGeneration ?? 0) >= (workload.Metadata.Generation ?? 0);

    private static JsonObject Json(WorkspaceStatus? status) => status is null
        ? []
        : JsonSerializer.SerializeToNode(status, WorkspaceJson.Default.WorkspaceStatus)!.AsObject();
}
