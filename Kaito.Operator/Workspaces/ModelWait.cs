using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Operator.Models;

namespace Kaito.Operator.Workspaces;

/// <summary>
/// PURE: a Workspace while nobody knows how large its model is. Nothing new is asked for; what runs goes on, and is told as
/// it is.
/// </summary>
internal static class ModelWait
{
    public static WorkspacePlan Plan(Wanted wanted, WorkspaceObservation observed)
    {
        var (reason, message) = observed.Model is ModelAnswer.Refused refused
            ? (refused.Reason, refused.Message)
            : ("ModelLookupPending", "the model's repository is being looked up");
        var (conditions, state) = wanted.Workspace.Tuning is null
            ? Inference(observed, reason, message)
            : Tuning(observed, reason, message);
        return new()
        {
            Apply = [wanted.Revision.Current],
            Remove = [.. wanted.Revision.Surplus],
            Conditions = conditions,
            State = state,
            WorkerNodes = observed.Status?.WorkerNodes ?? [],
            Events = observed.Model is ModelAnswer.Refused ? [new(true, reason, message)] : [],
        };
    }

    private static (ImmutableArray<Condition>, string) Inference(
        WorkspaceObservation observed, string reason, string message)
    {
        if (observed.Workload is null)
        {
            return (Unmet(ConditionTypes.InferenceReady, reason, message),
                WorkspacePlanner.NotServing(observed.Status?.State));
        }

        var nodes = ToldOfNodes(observed);
        var work = WorkspaceConditions.OfInference(
            observed, nodes.Any(static c => c is { Type: ConditionTypes.ResourceReady, Status: Condition.True }));
        return ([.. nodes, .. work], work.All(static c => c.Status == Condition.True)
            ? WorkspaceStates.Ready
            : WorkspacePlanner.NotServing(observed.Status?.State));
    }

    private static (ImmutableArray<Condition>, string) Tuning(WorkspaceObservation observed, string reason, string message)
    {
        if (observed.Job is null)
        {
            return (Unmet(ConditionTypes.JobStarted, reason, message), WorkspaceStates.Pending);
        }

        var (work, state) = TuningConditions.Of(observed.Job, observed.Pods);
        return ([.. ToldOfNodes(observed), .. work], state);
    }

    private static IEnumerable<Condition> ToldOfNodes(WorkspaceObservation observed) =>
        (observed.Status?.Conditions ?? []).Where(static c => c.Type
            is ConditionTypes.NodeClaimReady or ConditionTypes.NodesReady or ConditionTypes.ResourceReady);

    private static ImmutableArray<Condition> Unmet(string work, string reason, string message) =>
    [
        WorkspaceConditions.Unmet(ConditionTypes.ResourceReady, reason, message),
        WorkspaceConditions.Unmet(work, reason, message),
        WorkspaceConditions.Unmet(ConditionTypes.WorkspaceSucceeded, reason, message),
    ];
}
