using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Core.Catalog;
using Kaito.Core.InferenceSets;
using Kaito.Operator.Cluster;

namespace Kaito.Operator.InferenceSets;

/// <summary>Look, decide, act; for one InferenceSet at a time.</summary>
internal sealed partial class InferenceSetReconciler(
    IKubeApi api, InferenceSetObserver observer, EventRecorder events, OperatorOptions options,
    TimeProvider clock, ILogger<InferenceSetReconciler> logger)
{
    private static readonly ImmutableHashSet<string> s_owned =
        [ConditionTypes.InferenceSetReady, ConditionTypes.BenchmarkCompleted, ConditionTypes.InferenceSetDeleting];

    public async Task<TimeSpan?> ReconcileAsync(string key, CancellationToken cancellationToken)
    {
        if (observer.Find(key) is not { } resource)
        {
            return null;
        }

        var workspaces = observer.WorkspacesOf(resource);
        if (resource.Metadata.DeletionTimestamp is not null)
        {
            await DeleteAsync(resource, workspaces, cancellationToken);
            return null;
        }

        await api.SetFinalizerAsync(
            KubeKinds.InferenceSets, resource, Finalizers.InferenceSet, present: true, cancellationToken);
        var plan = InferenceSetParser.Parse(resource, ModelCatalog.Default, options.NodeSource(null)).TryGet(out var set, out var errors)
            ? InferenceSetPlanner.Plan(set, workspaces)
            : InferenceSetPlanner.Reject(errors, resource, workspaces);
        await ActAsync(resource, plan, workspaces, cancellationToken);
        LogReconciled(key, plan.ReadyReplicas, plan.Replicas, plan.Apply.Length, plan.Delete.Length);
        return null;
    }

    private async Task ActAsync(
        InferenceSetResource resource, InferenceSetPlan plan, ImmutableArray<WorkspaceResource> workspaces,
        CancellationToken cancellationToken)
    {
        string? failure = null;
        try
        {
            foreach (var workspace in plan.Apply)
            {
                await api.ApplyAsync(workspace, cancellationToken);
            }

            foreach (var workspace in plan.Delete)
            {
                await api.DeleteAsync(workspace, cancellationToken);
            }
        }
        catch (KubeException wrong) when (wrong is not KubeConflictException)
        {
            failure = wrong.Message;
            throw;
        }
        finally
        {
            await WriteStatusAsync(resource, plan, failure, cancellationToken);
        }

        foreach (var made in plan.Apply.Where(w => workspaces.All(old => old.Metadata.Name != w.Metadata.Name)))
        {
            events.Record(resource, new(false, "WorkspaceCreated", $"Created Workspace {made.Metadata.Name}"));
        }

        foreach (var gone in plan.Delete)
        {
            events.Record(resource, new(false, "WorkspaceDeleted", $"Deleted Workspace {gone.Metadata.Name}"));
        }

        foreach (var occurrence in plan.Events)
        {
            events.Record(resource, occurrence);
        }
    }

    private Task WriteStatusAsync(
        InferenceSetResource resource, InferenceSetPlan plan, string? failure, CancellationToken cancellationToken)
    {
        var status = new InferenceSetStatus
        {
            Replicas = plan.Replicas,
            ReadyReplicas = plan.ReadyReplicas,
            Selector = $"{Labels.CreatedByInferenceSet}={resource.Metadata.Name}",
            Conditions = ConditionHistory.Next(
                resource.Status?.Conditions ?? [], plan.Conditions, s_owned, resource.Metadata.Generation, failure,
                clock.GetUtcNow()),
            Performance = plan.Performance,
            AutoUpgrade = resource.Status?.AutoUpgrade,
        };
        return api.WriteStatusAsync(
            KubeKinds.InferenceSets, resource, Json(resource.Status), Json(status), cancellationToken);
    }

    /// <summary>The set goes when its last Workspace, and with it the last node, has gone.</summary>
    private async Task DeleteAsync(
        InferenceSetResource resource, ImmutableArray<WorkspaceResource> workspaces, CancellationToken cancellationToken)
    {
        var selector = $"{Labels.CreatedByInferenceSet}={resource.Metadata.Name}";
        if (workspaces.IsEmpty)
        {
            // The copy may be late: a Workspace that it does not know yet must not be left behind.
            var now = await api.ListAsync(
                KubeKinds.Workspaces, resource.Metadata.Namespace, selector, cancellationToken);
            workspaces =
            [
                .. now.Items.Where(w => (w.Metadata.OwnerReferences ?? []).Any(o => o.Uid == resource.Metadata.Uid)),
            ];
        }

        if (workspaces.IsEmpty)
        {
            await api.SetFinalizerAsync(
                KubeKinds.InferenceSets, resource, Finalizers.InferenceSet, present: false, cancellationToken);
            return;
        }

        foreach (var workspace in workspaces.Where(static w => w.Metadata.DeletionTimestamp is null))
        {
            await api.DeleteAsync(workspace, cancellationToken);
        }

        var deleting = new InferenceSetPlan
        {
            Replicas = 0,
            ReadyReplicas = 0,
            Conditions =
            [
                new()
                {
                    Type = ConditionTypes.InferenceSetDeleting,
                    Status = Condition.True,
                    Reason = "inferencesetDeleted",
                    Message = "inferenceset is being deleted; Workspaces that remain: "
                        + string.Join(", ", workspaces.Select(static w => w.Metadata.Name)),
                },
            ],
        };
        await WriteStatusAsync(resource, deleting, null, cancellationToken);
    }

    private static JsonObject Json(InferenceSetStatus? status) => status is null
        ? []
        : JsonSerializer.SerializeToNode(status, WorkspaceJson.Default.InferenceSetStatus)!.AsObject();

    [LoggerMessage(
        LogLevel.Information, "InferenceSet {Key}: {Ready}/{Replicas} ready, {Applied} to write, {Deleted} to delete")]
    private partial void LogReconciled(string key, int ready, int replicas, int applied, int deleted);
}
