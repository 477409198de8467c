using System.Collections.Immutable;
using System.Net;
using System.Runtime.ExceptionServices;
using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;
using Kaito.Operator.Models;
using Kaito.Operator.Nodes;

namespace Kaito.Operator.Workspaces;

/// <summary>Look, decide, act; for one Workspace at a time.</summary>
internal sealed partial class WorkspaceReconciler(
    IKubeApi api, WorkspaceObserver observer, ModelLookup models, EventRecorder events, OperatorMetrics metrics,
    OperatorOptions options, TimeProvider clock, ILogger<WorkspaceReconciler> logger)
{
    // Nobody tells when an object of somebody else goes.
    private static readonly TimeSpan s_nameRecheck = TimeSpan.FromSeconds(2);

    private readonly ObjectApplier _objects = new(api, observer.Find, clock);
    private readonly ClaimPace _pace = new(clock);
    private readonly PodWarnings _warnings = new(api, clock);

    public async Task<TimeSpan?> ReconcileAsync(string key, CancellationToken cancellationToken)
    {
        if (observer.Find(key) is not { } resource)
        {
            _objects.Forget(key);
            _pace.Forget(key);
            _warnings.Forget(key);
            return null;
        }

        if (resource.Metadata.DeletionTimestamp is not null)
        {
            await DeleteAsync(resource, cancellationToken);
            return null;
        }

        if (!await HoldAsync(resource, cancellationToken))
        {
            return null;
        }

        var observed = await observer.ObserveAsync(resource, cancellationToken);
        var waits = _pace.Waits(key, observed.Claims);
        var (warnings, lookAgain) = await _warnings.AskAsync(key, observed, cancellationToken);
        observed = observed with
        {
            RefusedClaims = _pace.Refused(key, observed.Claims),
            HungClaims = waits.Hung,
            Warnings = warnings,
            Model = models.Find(key, resource),
        };
        var plan = WorkspacePlanner.Plan(resource, observed, options);
        plan = plan.BenchmarkDue ? await MeasuredAsync(resource, plan, cancellationToken) : plan;
        var pause = _pace.Hold(key, observed.Claims, plan.Apply.OfType<NodeClaim>());

        var failures = await ActAsync(key, resource, pause.Apply(plan), cancellationToken);
        foreach (var (desired, wrong) in failures.Where(f => f.Wrong is KubeNameTakenException || IsMissing(f.Desired)))
        {
            plan = WorkspaceConditions.Lacking(plan, desired, wrong);
        }

        await WriteStatusAsync(
            resource, plan, failures.FirstOrDefault(f => !IsMissing(f.Desired)).Wrong?.Message, cancellationToken);
        if (failures.FirstOrDefault(static f => f.Wrong is not KubeNameTakenException).Wrong is { } failure)
        {
            ExceptionDispatchInfo.Throw(failure);
        }

        LogReconciled(key, plan.State, plan.Apply.Length, plan.Remove.Length);
        return Soonest(
            pause.Recheck, waits.Recheck, lookAgain, failures.IsEmpty ? null : s_nameRecheck,
            (observed.Model as ModelAnswer.Refused)?.Retry, _objects.TrustEnds(key),
            plan is { BenchmarkDue: true, Performance: null } ? Benchmark.Pause : null);
    }

    private async Task<WorkspacePlan> MeasuredAsync(
        WorkspaceResource resource, WorkspacePlan plan, CancellationToken cancellationToken)
    {
        try
        {
            return Benchmark.Told(plan, await api.ReadTextAsync(Benchmark.LogPath(resource), cancellationToken));
        }
        catch (Exception wrong) when (wrong is KubeException or HttpRequestException or TimeoutException)
        {
            return Benchmark.Failed(plan, $"the pod's log cannot be read: {wrong.Message}");
        }
    }

    private static TimeSpan? Soonest(params ReadOnlySpan<TimeSpan?> times)
    {
        TimeSpan? soonest = null;
        foreach (var time in times)
        {
            soonest = soonest < time ? soonest : time ?? soonest;
        }

        return soonest;
    }

    private bool IsMissing(IKubeObject desired) => observer.Find(desired) is null;

    // Without its finalizer nothing may be made that only we take away again.
    private async Task<bool> HoldAsync(WorkspaceResource resource, CancellationToken cancellationToken)
    {
        try
        {
            return await api.SetFinalizerAsync(
                KubeKinds.Workspaces, resource, Finalizers.Workspace, present: true, cancellationToken);
        }
        catch (KubeException wrong) when (wrong is not KubeConflictException)
        {
            var stopped = WorkspacePlanner.Stopped(
                "ApplyFailed", $"The Workspace cannot be written: {wrong.Message.TrimEnd('.')}. Next: correct what the message names, or "
                + "grant it; it is tried again by itself");
            await WriteStatusAsync(resource, stopped, null, cancellationToken);
            throw;
        }
    }

    private async Task<ImmutableArray<(IKubeObject Desired, KubeException Wrong)>> ActAsync(
        string key, WorkspaceResource resource, WorkspacePlan plan, CancellationToken cancellationToken)
    {
        var failures = ImmutableArray.CreateBuilder<(IKubeObject, KubeException)>();
        foreach (var desired in plan.Apply)
        {
            try
            {
                await ApplyAsync(key, desired, cancellationToken);
            }
            catch (KubeException wrong) when (wrong is not KubeConflictException)
            {
                if (desired is NodeClaim or NodePool)
                {
                    events.Record(resource, new(true, $"{desired.Kind}CreationFailed",
                        $"Failed to create {desired.Kind} {desired.Metadata.Name} for workspace {key}: {wrong.Message}"));
                }

                failures.Add((desired, wrong));
            }
            catch (Exception wrong) when (wrong is HttpRequestException or TimeoutException)
            {
                // The next request would hardly fare better, and this one may have taken its time.
                failures.Add((desired, new(HttpStatusCode.ServiceUnavailable, "Unreachable", wrong.Message)));
                return failures.ToImmutable();
            }
        }

        foreach (var unwanted in plan.Remove)
        {
            await api.DeleteAsync(unwanted, cancellationToken);
        }

        await AnnotateAsync(resource, plan.Annotations, cancellationToken);
        foreach (var node in plan.MarkNodes)
        {
            await api.MarkGpuNodeAsync(node, cancellationToken);
        }

        foreach (var occurrence in plan.Events.Where(e => failures.Count == 0 || e.Warning))
        {
            events.Record(resource, occurrence);
        }

        return failures.ToImmutable();
    }

    private async Task AnnotateAsync(
        WorkspaceResource resource, ImmutableSortedDictionary<string, string> annotations,
        CancellationToken cancellationToken)
    {
        var merge = new JsonObject(annotations
            .Where(a => resource.Metadata.Annotations?.GetValueOrDefault(a.Key) != a.Value)
            .Select(static a => KeyValuePair.Create(a.Key, (JsonNode?)JsonValue.Create(a.Value))));
        if (merge.Count > 0)
        {
            var patch = new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = merge } };
            await api.MergeAsync(KubeKinds.Workspaces, resource, patch, status: false, cancellationToken);
        }
    }

    private async Task ApplyAsync(string key, IKubeObject desired, CancellationToken cancellationToken)
    {
        if (await _objects.ApplyAsync(key, desired, cancellationToken) && desired is NodeClaim)
        {
            _pace.Made(key, desired.Metadata.Name!);
        }
    }

    private async Task WriteStatusAsync(
        WorkspaceResource resource, WorkspacePlan plan, string? failure, CancellationToken cancellationToken)
    {
        var status = WorkspaceConditions.Status(resource, plan, failure, clock.GetUtcNow());
        if (WorkspaceConditions.Patch(resource, status) is { } patch)
        {
            await api.MergeAsync(KubeKinds.Workspaces, resource, patch, status: true, cancellationToken);
            if (HasNodes(status) && !HasNodes(resource.Status) && resource.Metadata.CreationTimestamp is { } made)
            {
                metrics.Provisioned(clock.GetUtcNow() - made);
            }
        }
    }

    private static bool HasNodes(WorkspaceStatus? status) => (status?.Conditions ?? [])
        .Any(static c => c is { Type: ConditionTypes.ResourceReady, Status: Condition.True });

    /// <summary>Stops the workload and gives the nodes back; the Workspace goes when its last claim has gone.</summary>
    private async Task DeleteAsync(WorkspaceResource resource, CancellationToken cancellationToken)
    {
        if (resource.Metadata.Finalizers?.Contains(Finalizers.Workspace) != true)
        {
            return;
        }

        if (observer.FindWorkload(resource) is { Metadata.DeletionTimestamp: null } workload
            && (workload.Metadata.OwnerReferences ?? []).Any(o => o.Uid == resource.Metadata.Uid))
        {
            await api.DeleteAsync(workload, cancellationToken);
        }

        var requests = await observer.ReleaseNodesAsync(resource, cancellationToken);
        if (requests.IsEmpty)
        {
            await api.SetFinalizerAsync(
                KubeKinds.Workspaces, resource, Finalizers.Workspace, present: false, cancellationToken);
            return;
        }

        var waiting = new WorkspacePlan
        {
            Conditions =
            [
                WorkspaceConditions.Met(ConditionTypes.WorkspaceDeleting, "workspaceDeleted",
                    "workspace is being deleted; NodeClaims that remain: "
                    + string.Join(", ", requests.Select(static c => c.Metadata.Name))),
            ],
            State = resource.Status?.State ?? WorkspaceStates.Pending,
        };
        await WriteStatusAsync(resource, waiting, null, cancellationToken);
    }

    [LoggerMessage(LogLevel.Information, "Workspace {Key} is {State}: {Count} objects planned, {Removed} to remove")]
    private partial void LogReconciled(string key, string state, int count, int removed);
}
