using System.Collections.Immutable;
using System.Runtime.ExceptionServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Core.RagEngines;
using Kaito.Operator.Cluster;
using Kaito.Operator.Nodes;

namespace Kaito.Operator.RagEngines;

/// <summary>Look, decide, act; for one RAGEngine at a time. Nothing waits inside.</summary>
internal sealed partial class RagEngineReconciler(
    IKubeApi api, RagEngineObserver observer, EventRecorder events, OperatorOptions options,
    TimeProvider clock, ILogger<RagEngineReconciler> logger)
{
    // A ConfigMap of the user carries no label of ours and is looked at again instead of watched.
    private static readonly TimeSpan s_guardrailsRecheck = TimeSpan.FromSeconds(10);

    private static readonly ImmutableHashSet<string> s_owned =
    [
        ConditionTypes.NodeClaimReady, ConditionTypes.NodesReady, ConditionTypes.ResourceReady,
        ConditionTypes.ServiceReady, ConditionTypes.RagEngineSucceeded, ConditionTypes.RagEngineDeleting,
    ];

    private readonly ObjectApplier _objects = new(api, observer.Find, clock);
    private readonly ClaimPace _pace = new(clock);

    public async Task<TimeSpan?> ReconcileAsync(string key, CancellationToken cancellationToken)
    {
        if (observer.Find(key) is not { } resource)
        {
            _objects.Forget(key);
            _pace.Forget(key);
            return null;
        }

        if (resource.Metadata.DeletionTimestamp is not null)
        {
            await DeleteAsync(resource, cancellationToken);
            return null;
        }

        if (!await api.SetFinalizerAsync(
            KubeKinds.RagEngines, resource, Finalizers.RagEngine, present: true, cancellationToken))
        {
            return null;
        }

        var valid = RagEngineParser.Parse(resource, options.NodeSource(null)).TryGet(out var rag, out var errors);
        var map = rag?.Guardrails switch { null => null, "" => RagWorkload.DefaultGuardrails, var named => named };
        var observed = await observer.ObserveAsync(resource, map, cancellationToken);
        var waits = _pace.Waits(key, observed.ForNodes.Claims);
        observed = observed with
        {
            ForNodes = observed.ForNodes with
            {
                Hung = waits.Hung,
                Refused = _pace.Refused(key, observed.ForNodes.Claims),
            },
        };
        var plan = valid ? RagEnginePlanner.Plan(rag!, observed, options) : RagEnginePlanner.Reject(errors);
        var pause = _pace.Hold(key, observed.ForNodes.Claims, plan.Apply.OfType<NodeClaim>());

        var failure = await ActAsync(key, resource, plan, pause, cancellationToken);
        await WriteStatusAsync(resource, plan, failure?.SourceException.Message, cancellationToken);
        failure?.Throw();
        LogReconciled(key, plan.Apply.Length);
        return new[] { pause.Recheck, waits.Recheck, map is null ? null : s_guardrailsRecheck, _objects.TrustEnds(key) }.Min();
    }

    private async Task<ExceptionDispatchInfo?> ActAsync(
        string key, RagEngineResource resource, RagEnginePlan plan, ClaimPause pause, CancellationToken cancellationToken)
    {
        ExceptionDispatchInfo? failure = null;
        foreach (var desired in plan.Apply.Where(pause.Allows))
        {
            try
            {
                if (await _objects.ApplyAsync(key, desired, cancellationToken) && desired is NodeClaim)
                {
                    _pace.Made(key, desired.Metadata.Name!);
                    events.Record(resource, new(false, "NodeClaimCreated",
                        $"Successfully created NodeClaim {desired.Metadata.Name} for ragengine {key}"));
                }
            }
            catch (Exception wrong) when (wrong is KubeException and not KubeConflictException)
            {
                events.Record(resource, new(true, "ApplyFailed",
                    $"Failed to write {desired.Kind} {desired.Metadata.Name}: {wrong.Message}"));
                failure ??= ExceptionDispatchInfo.Capture(wrong);
            }
        }

        foreach (var surplus in plan.Remove)
        {
            await api.DeleteAsync(surplus, cancellationToken);
        }

        foreach (var node in plan.MarkNodes)
        {
            await api.MarkGpuNodeAsync(node, cancellationToken);
        }

        foreach (var occurrence in plan.Events)
        {
            events.Record(resource, occurrence);
        }

        return failure;
    }

    private Task WriteStatusAsync(
        RagEngineResource resource, RagEnginePlan plan, string? failure, CancellationToken cancellationToken)
    {
        var status = new RagEngineStatus
        {
            Conditions = ConditionHistory.Next(
                resource.Status?.Conditions ?? [], plan.Conditions, s_owned, resource.Metadata.Generation, failure,
                clock.GetUtcNow()),
            WorkerNodes = plan.WorkerNodes.IsEmpty ? null : plan.WorkerNodes,
        };
        return api.WriteStatusAsync(
            KubeKinds.RagEngines, resource, Json(resource.Status), Json(status), cancellationToken);
    }

    /// <summary>Gives the node back; the RAGEngine goes when the last request for one has gone.</summary>
    private async Task DeleteAsync(RagEngineResource resource, CancellationToken cancellationToken)
    {
        var requests = await observer.ReleaseNodesAsync(resource, cancellationToken);
        if (requests.IsEmpty)
        {
            await api.SetFinalizerAsync(
                KubeKinds.RagEngines, resource, Finalizers.RagEngine, present: false, cancellationToken);
            return;
        }

        var waiting = new RagEnginePlan
        {
            Conditions =
            [
                new()
                {
                    Type = ConditionTypes.RagEngineDeleting,
                    Status = Condition.True,
                    Reason = "ragengineDeleted",
                    Message = "ragengine is being deleted; NodeClaims that remain: "
                        + string.Join(", ", requests.Select(static c => c.Metadata.Name)),
                },
            ],
        };
        await WriteStatusAsync(resource, waiting, null, cancellationToken);
    }

    private static JsonObject Json(RagEngineStatus? status) => status is null
        ? []
        : JsonSerializer.SerializeToNode(status, WorkspaceJson.Default.RagEngineStatus)!.AsObject();

    [LoggerMessage(LogLevel.Information, "RAGEngine {Key}: {Count} objects planned")]
    private partial void LogReconciled(string key, int count);
}
