using System.Collections.Immutable;
using Kaito.Core;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Core.RagEngines;
using Kaito.Operator.Cluster;
using Kaito.Operator.Nodes;
using Kaito.Operator.Workspaces;

namespace Kaito.Operator.RagEngines;

/// <summary>PURE: from what is wanted and what is there to what should be.</summary>
internal static class RagEnginePlanner
{
    private const string GuardrailsKey = "guardrails.yaml";

    private static readonly ByteSize s_disk = ByteSize.FromGi(200);

    private static readonly NodePlan s_noNodes = new()
    {
        Nodes = [],
        Conditions =
        [
            WorkspaceConditions.Met(
                ConditionTypes.ResourceReady, "ragengineResourceStatusSuccess", "ragengine resource is ready"),
        ],
        Placement = new() { Terms = [], GpuResource = PodPlacement.Gpu, Gpus = 0 },
    };

    public static RagEnginePlan Plan(RagEngine rag, RagEngineObservation observed, OperatorOptions options)
    {
        // Where nodes are not asked for, any will do that carries the user's labels.
        var nodes = rag.Compute is { } compute && (compute.Sku is not null || !compute.Labels.IsEmpty)
            ? NodeStrategy.Plan(Demand(rag, compute), observed.ForNodes, options)
            : s_noNodes;
        var missing = MissingGuardrails(rag, observed);

        // Until the first time that the node is there only the node is asked for. Afterwards the workload stays.
        var workload = (nodes.Ready || observed.Workload is not null) && missing is null;
        return new()
        {
            Apply = [.. nodes.Missing, .. workload ? Workload(rag, nodes.Placement, options) : []],
            Remove = nodes.Surplus,
            MarkNodes = nodes.Unmarked,
            Conditions = [.. nodes.Conditions, .. OfService(observed, nodes.Ready, missing)],
            WorkerNodes = [.. nodes.Nodes.Select(static n => n.Metadata.Name!).Order(StringComparer.Ordinal)],
            Events = [.. nodes.Events, .. rag.Warnings.Select(static w => new Occurrence(true, "RAGEngineWarning", w))],
        };
    }

    private static ImmutableArray<IKubeObject> Workload(
        RagEngine rag, PodPlacement placement, OperatorOptions options) =>
        [RagWorkload.Service(rag), RagWorkload.Deployment(rag, placement, options)];

    /// <summary>For a RAGEngine that failed its checks: everything wrong, and nothing else. What runs goes on.</summary>
    public static RagEnginePlan Reject(ImmutableArray<FieldError> errors)
    {
        var message = Rejection.Message(errors);
        return new()
        {
            Conditions = [.. Unmet("RAGEngineInvalid", message, ConditionTypes.ResourceReady)],
            Events = [Rejection.Event("RAGEngineInvalid", message)],
        };
    }

    private static NodeDemand Demand(RagEngine rag, RagCompute compute) => new()
    {
        Owner = NodeDemand.RagEngine,
        Namespace = rag.Namespace,
        Name = rag.Name,
        Uid = rag.Uid,
        OwnerLabels = ImmutableSortedDictionary<string, string>.Empty
            .Add(Labels.RagEngine, rag.Name)
            .Add(Labels.RagEngineNamespace, rag.Namespace),
        PoolLabels = ImmutableSortedDictionary<string, string>.Empty
            .Add(Labels.KarpenterRagEngineName, rag.Name)
            .Add(Labels.KarpenterRagEngineNamespace, rag.Namespace),
        Labels = compute.Labels,
        InstanceType = compute.Sku?.Name ?? "",
        Count = 1,
        Disk = s_disk,
        ImageFamily = rag.NodeImageFamily,
        NeedsGpus = RagWorkload.RunsOnGpu(rag),
        Gpus = RagWorkload.RunsOnGpu(rag) ? compute.Sku!.Gpus : 0,
    };

    private static string? MissingGuardrails(RagEngine rag, RagEngineObservation observed)
    {
        if (rag.Guardrails is not { } name)
        {
            return null;
        }

        var map = name.Length == 0 ? RagWorkload.DefaultGuardrails : name;
        if (observed.Guardrails is null)
        {
            return $"spec.guardrails: there is no ConfigMap {map} in namespace {rag.Namespace}. Create it with the key "
                + $"{GuardrailsKey}, or set spec.guardrails.enabled to false.";
        }

        return observed.Guardrails.Data?.ContainsKey(GuardrailsKey) == true
            ? null
            : $"spec.guardrails: ConfigMap {map} lacks the key {GuardrailsKey}. Add it.";
    }

    private static IEnumerable<Condition> OfService(RagEngineObservation observed, bool nodesReady, string? missing)
    {
        if (missing is not null)
        {
            return Unmet("GuardrailsMissing", missing);
        }

        if (nodesReady && IsServing(observed.Workload))
        {
            return
            [
                WorkspaceConditions.Met(
                    ConditionTypes.ServiceReady, "RAGEngineServiceSuccess",
                    "RAG Engine service has been deployed successfully"),
                WorkspaceConditions.Met(
                    ConditionTypes.RagEngineSucceeded, "ragengineSucceeded", "ragengine succeeds"),
            ];
        }

        var (reason, message) = observed.Workload is not null && PodDiagnosis.Find(observed.ForNodes.Pods) is { } found
            ? found
            : ("RAGEngineServicePending", "RAG Engine service is not ready");
        return Unmet(reason, message);
    }

    private static IEnumerable<Condition> Unmet(string reason, string message, params IEnumerable<string> types) =>
    [
        .. types.Select(type => WorkspaceConditions.Unmet(type, reason, message)),
        WorkspaceConditions.Unmet(ConditionTypes.ServiceReady, reason, message),
        WorkspaceConditions.Unmet(ConditionTypes.RagEngineSucceeded, "ragengineFailed", message),
    ];

    // While it rolls out, the ready pod may be of the template before.
    private static bool IsServing(Deployment? workload) => workload?.Status is { ReadyReplicas: > 0 } status
        && status.UpdatedReplicas >= 1
        && status.Replicas == status.UpdatedReplicas
        && (status.ObservedGeneration ?? 0) >= (workload.Metadata.Generation ?? 0);
}
