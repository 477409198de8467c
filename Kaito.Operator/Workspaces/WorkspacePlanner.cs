using System.Collections.Immutable;
using Kaito.Core;
using Kaito.Core.Admission;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Core.Workspaces;
using Kaito.Operator.Cluster;
using Kaito.Operator.Models;
using Kaito.Operator.Nodes;
using Preset = Kaito.Core.Workspaces.InferenceWorkload.Preset;

namespace Kaito.Operator.Workspaces;

/// <summary>PURE: from what is wanted and what is there to what should be.</summary>
internal static class WorkspacePlanner
{
    public static WorkspacePlan Plan(
        WorkspaceResource resource, WorkspaceObservation observed, OperatorOptions options)
    {
        var offer = options.Offer(observed.ExistingNodes);
        offer = observed.Model is ModelAnswer.Known known ? offer with { Catalog = offer.Catalog.With(known.Model) } : offer;
        var parsed = WorkspaceParser.Parse(resource, offer, Context(resource, observed));
        var isValid = parsed.TryGet(out var workspace, out var errors);
        var runtime = (workspace?.Inference as Preset)?.Runtime ?? InferenceRuntime.Onnx;
        var isConfigured = EngineConfig.Parse(resource, observed.UserConfig, runtime).TryGet(
            out var engine, out var wrongConfig);
        var isTrainable = TrainingConfig.Parse(
            resource.Tuning?.Config, resource.Metadata.Namespace, observed.UserConfig, workspace?.Tuning?.Method).TryGet(
            out var training, out var wrongTraining);
        ImmutableArray<FieldError> wrong =
            [.. errors, .. wrongConfig, .. wrongTraining, .. Forbidden(resource, observed)];
        return isValid && isConfigured && isTrainable && wrong.IsEmpty
            ? Serve(
                new(resource, workspace!, engine!, Revisions.Plan(resource, workspace!, observed.Revisions))
                {
                    Training = training!,
                },
                observed, options)
            : Reject(wrong);
    }

    // The length counts when the runtime is chosen, and so before it is known which settings are read.
    private static int? Context(WorkspaceResource resource, WorkspaceObservation observed) =>
        EngineConfig.Parse(resource, observed.UserConfig).TryGet(out var onnx, out _) ? onnx.MaxModelLength
        : EngineConfig.Parse(resource, observed.UserConfig, InferenceRuntime.Vllm).TryGet(out var vllm, out _)
            ? vllm.MaxModelLength
            : null;

    // For a Workspace that failed its checks: everything wrong, and nothing else. What runs goes on.
    private static WorkspacePlan Reject(ImmutableArray<FieldError> errors) =>
        Stopped("WorkspaceInvalid", Rejection.Message(errors));

    private static WorkspacePlan Serve(Wanted wanted, WorkspaceObservation observed, OperatorOptions options)
    {
        var workspace = wanted.Workspace;
        if (!workspace.ModelKnown)
        {
            return ModelWait.Plan(wanted, observed);
        }

        var nodes = NodeStrategy.Plan(NodeDemand.Of(workspace), observed.ForNodes, options);
        var (conditions, state) = workspace.Tuning is null
            ? Inference(observed, nodes.Ready)
            : TuningConditions.Of(observed.Job, observed.Pods, observed.Warnings);
        if (!workspace.GpusKnown)
        {
            return Wait(wanted, nodes, conditions, observed);
        }

        var all = WorkloadPlanner.Render(wanted, nodes.Placement, observed, options);
        var image = ServingImages.Running(all.OfType<StatefulSet>().FirstOrDefault());
        var measured = Benchmark.Applies(wanted) ? Benchmark.Recorded(observed.Status, image) : null;
        var remade = WorkloadPlanner.Remade(all, observed);

        // Until the first time that all nodes are there only nodes are asked for. Afterwards the workload stays.
        var workload = nodes.Ready || observed.Workload is not null || observed.Job is not null
            ? WorkloadPlanner.Due(all, remade, observed)
            : [];
        return new()
        {
            Apply = [wanted.Revision.Current, .. nodes.Missing, .. workload],
            Remove = [.. WorkloadPlanner.Unwanted(all, observed), .. remade, .. wanted.Revision.Surplus, .. nodes.Surplus],
            Annotations = ImmutableSortedDictionary<string, string>.Empty
                .Add(Annotations.Hash, wanted.Revision.Current.Metadata.Annotations![Annotations.Hash])
                .Add(Annotations.Revision, wanted.Number),
            MarkNodes = nodes.Unmarked,
            Conditions = measured is null ? [.. nodes.Conditions, .. conditions] : [.. nodes.Conditions, .. conditions, measured],
            BenchmarkDue = measured is null && state == WorkspaceStates.Ready && Benchmark.Applies(wanted),
            Image = image,
            Quantization = (workspace.Inference as Preset)?.Model.Quantization,
            State = state,
            TargetNodes = workspace.Nodes,
            WorkerNodes = [.. nodes.Nodes.Select(static n => n.Metadata.Name!).Order(StringComparer.Ordinal)],
            Events = [.. Events(wanted, nodes)],
        };
    }

    // Nobody knows yet what a pod would ask for. What runs goes on.
    private static WorkspacePlan Wait(
        Wanted wanted, NodePlan nodes, ImmutableArray<Condition> inference, WorkspaceObservation observed) => new()
        {
            Apply = [wanted.Revision.Current],
            Remove = [.. wanted.Revision.Surplus],
            Conditions = [.. nodes.Conditions, .. inference],
            State = NotServing(observed.Status?.State),
            Events = [.. Events(wanted, nodes)],
        };

    private static IEnumerable<Occurrence> Events(Wanted wanted, NodePlan nodes)
    {
        var workspace = wanted.Workspace;
        foreach (var told in nodes.Events)
        {
            yield return told;
        }

        foreach (var failure in nodes.Conditions.Where(
            static c => c.Type == ConditionTypes.NodeClaimReady && NodeClaimDiagnosis.IsFailure(c)))
        {
            yield return new(true, failure.Reason, failure.Message);
        }

        foreach (var warning in workspace.Warnings.Concat(wanted.Engine.Warnings))
        {
            yield return new(true, "WorkspaceWarning", warning);
        }

        if (workspace.Inference is Preset { Runtime: InferenceRuntime.Onnx, Adapters.IsEmpty: false })
        {
            yield return new(true, "AdaptersNotServed",
                "inference.adapters are brought to the pods, but the host of this version serves the model without "
                + "them. Choose runtime vllm to serve them.");
        }
    }

    private static (ImmutableArray<Condition> Conditions, string State) Inference(
        WorkspaceObservation observed, bool nodesReady)
    {
        var conditions = WorkspaceConditions.OfInference(observed, nodesReady);
        return conditions.All(static c => c.Status == Condition.True)
            ? (conditions, WorkspaceStates.Ready)
            : (conditions, NotServing(observed.Status?.State));
    }

    // The CRDs' rules need Kubernetes 1.25, and the webhooks may be off or down: a change that both let through ends here.
    private static ImmutableArray<FieldError> Forbidden(WorkspaceResource resource, WorkspaceObservation observed) =>
        observed.Before is { } before ? AdmissionRules.Changes(before, resource) : [];

    internal static string NotServing(string? before) => before is WorkspaceStates.Ready or WorkspaceStates.NotReady
        ? WorkspaceStates.NotReady
        : WorkspaceStates.Pending;

    /// <summary>The Workspace cannot be worked on at all.</summary>
    public static WorkspacePlan Stopped(string reason, string message) => new()
    {
        Conditions =
        [
            WorkspaceConditions.Unmet(ConditionTypes.ResourceReady, reason, message),
            WorkspaceConditions.Unmet(ConditionTypes.InferenceReady, reason, message),
            WorkspaceConditions.Unmet(ConditionTypes.WorkspaceSucceeded, reason, message),
        ],
        State = WorkspaceStates.Failed,
        Events = [Rejection.Event(reason, message)],
    };
}
