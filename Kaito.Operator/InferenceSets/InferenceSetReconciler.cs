using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core;
using Kaito.Core.Api;
using Kaito.Core.InferenceSets;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;

namespace Kaito.Operator.InferenceSets;

/// <summary>Look, decide, act; for one InferenceSet at a time.</summary>
internal sealed partial class InferenceSetReconciler(
    IKubeApi api, InferenceSetObserver observer, ReplicaLoads loads, EventRecorder events, OperatorOptions options,
    TimeProvider clock, ILogger<InferenceSetReconciler> logger)
{
    private static readonly TimeSpan s_scaleInterval = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan s_windowInterval = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan s_catchUp = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, ScaleHistory> _scales = new();

    // Replicas that were applied and that the copy has not shown yet: name and uid.
    private readonly ConcurrentDictionary<string, ImmutableDictionary<string, string>> _applied = new();

    private static readonly ImmutableHashSet<string> s_owned =
        [ConditionTypes.InferenceSetReady, ConditionTypes.BenchmarkCompleted, ConditionTypes.InferenceSetDeleting];

    public async Task<TimeSpan?> ReconcileAsync(string key, CancellationToken cancellationToken)
    {
        if (observer.Find(key) is not { } resource)
        {
            _scales.TryRemove(key, out _);
            _applied.TryRemove(key, out _);
            return null;
        }

        var workspaces = observer.WorkspacesOf(resource);
        if (resource.Metadata.DeletionTimestamp is not null)
        {
            await DeleteAsync(resource, workspaces, cancellationToken);
            return null;
        }

        if (!await api.SetFinalizerAsync(
            KubeKinds.InferenceSets, resource, Finalizers.InferenceSet, present: true, cancellationToken))
        {
            return null;
        }

        if (await IsBehindAsync(key, resource, cancellationToken))
        {
            return s_catchUp;
        }

        if (!Parse(resource, out var set, out var errors))
        {
            await ActAsync(resource, InferenceSetPlanner.Reject(errors, resource, workspaces), workspaces, cancellationToken);
            return null;
        }

        var facts = await LookAsync(set, workspaces, cancellationToken);
        set = await ScaleAsync(key, resource, set, facts, cancellationToken);
        var plan = InferenceSetPlanner.Plan(set, workspaces, facts);
        await ActAsync(resource, plan, workspaces, cancellationToken);
        await ReplaceDriftedNodesAsync(resource, workspaces, cancellationToken);
        LogReconciled(key, plan.ReadyReplicas, plan.Replicas, plan.Apply.Length, plan.Delete.Length);
        return set.Autoscaling is not null ? s_scaleInterval : plan.Drifted > 0 ? s_windowInterval : null;
    }

    private bool Parse(
        InferenceSetResource resource, [NotNullWhen(true)] out InferenceSet? set, out ImmutableArray<FieldError> errors)
    {
        if (!InferenceSetParser.Parse(resource, options.Offer(null)).TryGet(out set, out errors))
        {
            return false;
        }

        if (set.AutoUpgrade is not null && !options.Gates.BaseImageAutoUpgrade)
        {
            set = set with
            {
                AutoUpgrade = null,
                Warnings = set.Warnings.Add(
                    "spec.autoUpgrade has no effect: start the operator with --feature-gates "
                    + "enableBaseImageAutoUpgrade=true."),
            };
        }

        return true;
    }

    // Replicas are asked only where the answer may decide something.
    private async Task<ReplicaFacts> LookAsync(
        InferenceSet set, ImmutableArray<WorkspaceResource> workspaces, CancellationToken cancellationToken)
    {
        var serving = workspaces.Where(InferenceSetPlanner.IsReady).ToImmutableArray();
        var choice = serving.Length > set.Replicas && set.Replicas > 0;
        return new()
        {
            Loads = choice || set.Autoscaling is not null
                ? await loads.ReadAsync(serving, cancellationToken)
                : ImmutableDictionary<string, ReplicaLoad>.Empty,
            NewerTags = set.AutoUpgrade is null
                ? ImmutableDictionary<string, string>.Empty
                : observer.NewerTags(workspaces, options),
            Now = clock.GetUtcNow(),
        };
    }

    /// <summary>Writes the number that the autoscaler wants into the set, as a HorizontalPodAutoscaler does.</summary>
    /// <exception cref="KubeConflictException">Somebody changed the set meanwhile; the next reconcile decides anew.</exception>
    private async Task<InferenceSet> ScaleAsync(
        string key, InferenceSetResource resource, InferenceSet set, ReplicaFacts facts, CancellationToken cancellationToken)
    {
        if (set.Autoscaling is not { } rules)
        {
            _scales.TryRemove(key, out _);
            return set;
        }

        var decision = Autoscaler.Decide(
            rules, set.Replicas, [.. facts.Loads.Values], _scales.GetValueOrDefault(key), facts.Now);
        if (decision.Replicas != set.Replicas)
        {
            var merge = new JsonObject
            {
                ["metadata"] = new JsonObject { ["resourceVersion"] = resource.Metadata.ResourceVersion },
                ["spec"] = new JsonObject { ["replicas"] = decision.Replicas },
            };
            await api.MergeAsync(KubeKinds.InferenceSets, resource, merge, status: false, cancellationToken);
            events.Record(resource, new(false, "Scaled",
                $"Scaled from {set.Replicas} to {decision.Replicas} replicas: {decision.Reason}."));
        }

        _scales[key] = decision.History;
        return set with { Replicas = decision.Replicas };
    }

    private async Task ActAsync(
        InferenceSetResource resource, InferenceSetPlan plan, ImmutableArray<WorkspaceResource> workspaces,
        CancellationToken cancellationToken)
    {
        string? failure = null;
        var taken = ImmutableArray.CreateBuilder<KubeNameTakenException>();
        try
        {
            foreach (var workspace in plan.Apply)
            {
                if (await IsFreeAsync(workspace, cancellationToken))
                {
                    var made = await api.ApplyAsync(workspace, cancellationToken);
                    Remember(Keys.Of(resource.Metadata.Namespace, resource.Metadata.Name!), made);
                }
                else
                {
                    taken.Add(new(workspace));
                    failure = taken[0].Message;
                }
            }

            foreach (var workspace in plan.Delete)
            {
                await api.DeleteAsync(workspace, cancellationToken);
            }

            if (plan.Upgrade is { } upgrade)
            {
                await UpgradeAsync(resource, upgrade.Workspace, upgrade.Tag, cancellationToken);
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

        if (taken.Count > 0)
        {
            events.Record(resource, new(true, taken[0].Reason, taken[0].Message));
            throw taken[0];
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

    private void Remember(string key, ObjectMeta made) => _applied[key] =
        _applied.GetValueOrDefault(key, ImmutableDictionary<string, string>.Empty).SetItem(made.Name!, made.Uid!);

    // Who counts replicas in a copy that lacks some makes too many, each with a node.
    private async Task<bool> IsBehindAsync(string key, InferenceSetResource resource, CancellationToken cancellationToken)
    {
        var unseen = _applied.GetValueOrDefault(key, ImmutableDictionary<string, string>.Empty);
        foreach (var (name, uid) in unseen)
        {
            if (observer.FindReplica(resource, name)?.Metadata.Uid == uid
                || (await api.GetAsync(KubeKinds.Workspaces, resource.Metadata.Namespace, name, cancellationToken))
                    ?.Metadata.Uid != uid)
            {
                unseen = unseen.Remove(name);
            }
        }

        _applied[key] = unseen;
        return !unseen.IsEmpty;
    }

    // Applying takes over fields, and a Workspace of the same name may be somebody else's.
    private async Task<bool> IsFreeAsync(WorkspaceResource desired, CancellationToken cancellationToken)
    {
        var there = await api.GetAsync(
            KubeKinds.Workspaces, desired.Metadata.Namespace, desired.Metadata.Name!, cancellationToken);
        return there is null || (there.Metadata.OwnerReferences ?? []).Any(
            owner => owner.Uid == desired.Metadata.OwnerReferences!.Value[0].Uid);
    }

    private async Task ReplaceDriftedNodesAsync(
        InferenceSetResource resource, ImmutableArray<WorkspaceResource> workspaces, CancellationToken cancellationToken)
    {
        if (ReplicaDrift.Next(observer.PoolsOf(resource, workspaces)) is { } step)
        {
            await api.MergeAsync(KubeKinds.NodePools, step.Pool, step.Merge, status: false, cancellationToken);
            events.Record(resource, step.Told);
        }
    }

    private async Task UpgradeAsync(
        InferenceSetResource resource, WorkspaceResource workspace, string tag, CancellationToken cancellationToken)
    {
        var merge = new JsonObject
        {
            ["metadata"] = new JsonObject
            {
                ["resourceVersion"] = workspace.Metadata.ResourceVersion,
                ["labels"] = new JsonObject { [Labels.UpgradeToVersion] = tag },
                ["annotations"] = new JsonObject
                {
                    [Annotations.UpgradeStartTime] = clock.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture),
                },
            },
        };
        await api.MergeAsync(KubeKinds.Workspaces, workspace, merge, status: false, cancellationToken);
        events.Record(resource, new(false, "UpgradeStarted", $"Workspace {workspace.Metadata.Name} moves to {tag}"));
    }

    private AutoUpgradeStatus? Upgrades(AutoUpgradeStatus? before, int? drifted) => drifted is null ? before : new()
    {
        NumDriftedWorkspaces = drifted,
        LastSuccessfulUpgradeTime = drifted == 0 && before?.NumDriftedWorkspaces > 0
            ? clock.GetUtcNow()
            : before?.LastSuccessfulUpgradeTime,
    };

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
            AutoUpgrade = Upgrades(resource.Status?.AutoUpgrade, plan.Drifted),
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
