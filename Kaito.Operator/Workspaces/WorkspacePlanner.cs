using System.Collections.Immutable;
using System.Globalization;
using Kaito.Core;
using Kaito.Core.Api;
using Kaito.Core.Catalog;
using Kaito.Core.Contracts;
using Kaito.Core.Kubernetes;
using Kaito.Core.Workspaces;
using Kaito.Operator.Cluster;
using Kaito.Operator.Nodes;
using Kaito.Operator.Rendering;
using Preset = Kaito.Core.Workspaces.InferenceWorkload.Preset;

namespace Kaito.Operator.Workspaces;

/// <summary>PURE: from what is wanted and what is there to what should be.</summary>
internal static class WorkspacePlanner
{
    public static WorkspacePlan Plan(
        WorkspaceResource resource, WorkspaceObservation observed, OperatorOptions options)
    {
        var configured = EngineConfig.Parse(resource, observed.UserConfig).TryGet(out var engine, out var wrongConfig);
        var parsed = WorkspaceParser.Parse(
            resource, ModelCatalog.Default, options.Skus, engine?.MaxModelLength);
        if (!parsed.TryGet(out var workspace, out var errors) || !configured)
        {
            return Reject([.. errors, .. wrongConfig]);
        }

        return workspace.Inference switch
        {
            Preset { Runtime: InferenceRuntime.Onnx } preset => Serve(
                new(workspace, preset, engine!, Revisions.Plan(resource, workspace, observed.Revisions)),
                observed, options),
            Preset preset => Later($"Runtime {preset.Runtime.ToString().ToLowerInvariant()} is not available in this "
                + $"version ({preset.RuntimeReason}); only runtime onnx is."),
            null => Later("Tuning is not available in this version; only inference is."),
            _ => Later("inference.template is not available in this version; use inference.preset with runtime onnx."),
        };
    }

    // For a Workspace that failed its checks: everything wrong, and nothing else. What runs goes on.
    private static WorkspacePlan Reject(ImmutableArray<FieldError> errors) => Stopped(
        "WorkspaceInvalid",
        string.Join("; ", errors.Select(static e => e.Path.Length == 0 ? e.Message : $"{e.Path}: {e.Message}")));

    private static WorkspacePlan Serve(Wanted wanted, WorkspaceObservation observed, OperatorOptions options)
    {
        var workspace = wanted.Workspace;
        var nodes = NodeStrategy.Plan(NodeDemand.Of(workspace), observed.ForNodes, options);
        var inference = WorkspaceConditions.OfInference(observed, nodes.Ready);
        var serving = inference.All(static c => c.Status == Condition.True);
        var all = Workload(wanted, nodes.Placement, observed, options);
        var remade = Remade(all, observed);

        // Until the first time that all nodes are there only nodes are asked for. Afterwards the workload stays.
        var workload = nodes.Ready || observed.Workload is not null
            ? all.Where(o => remade.IsEmpty || o is not StatefulSet)
            : [];
        return new()
        {
            Apply = [wanted.Revision.Current, .. nodes.Missing, .. workload],
            Remove = [.. Unwanted(all, observed), .. remade, .. wanted.Revision.Surplus, .. nodes.Surplus],
            Annotations = ImmutableSortedDictionary<string, string>.Empty
                .Add(Annotations.Hash, wanted.Revision.Current.Metadata.Annotations![Annotations.Hash])
                .Add(Annotations.Revision, Number(wanted)),
            MarkNodes = nodes.Unmarked,
            Conditions = [.. nodes.Conditions, .. inference],
            State = serving ? WorkspaceStates.Ready : NotServing(observed.Status?.State),
            TargetNodes = workspace.Nodes,
            WorkerNodes = [.. nodes.Nodes.Select(static n => n.Metadata.Name!).Order(StringComparer.Ordinal)],
            Events = [.. Events(wanted, nodes)],
        };
    }

    private static ImmutableArray<IKubeObject> Workload(
        Wanted wanted, PodPlacement placement, WorkspaceObservation observed, OperatorOptions options)
    {
        var image = RunningImage(wanted, observed)
            ?? $"{options.ImageRegistry}/{Images.InferenceHost}:{options.ImageTag}";
        var (settings, pods) = Rendering.InferenceWorkload.Render(
            wanted.Workspace, wanted.Preset, wanted.Engine, placement, image, wanted.Revision.Current.Revision);
        return [.. Services.Render(wanted.Workspace), settings, pods];
    }

    // A new operator does not restart pods that run: the image changes with the next revision of the Workspace.
    private static string? RunningImage(Wanted wanted, WorkspaceObservation observed)
    {
        var revision = observed.Workload?.Metadata.Annotations?.GetValueOrDefault(Annotations.Revision);
        return revision is null || revision == Number(wanted)
            ? observed.Workload?.Spec?.Template?.Spec?.Containers?.FirstOrDefault()?.Image
            : null;
    }

    private static string Number(Wanted wanted) =>
        wanted.Revision.Current.Revision.ToString(CultureInfo.InvariantCulture);

    private static IEnumerable<IKubeObject> Unwanted(
        ImmutableArray<IKubeObject> wanted, WorkspaceObservation observed)
    {
        var kept = wanted.Select(static o => (o.Kind, o.Metadata.Name)).ToHashSet();
        return observed.Owned.Where(
            o => o.Metadata.DeletionTimestamp is null && !kept.Contains((o.Kind, o.Metadata.Name)));
    }

    // The API server refuses to change what the pods of a StatefulSet are found by: it goes, and comes again.
    private static ImmutableArray<IKubeObject> Remade(
        ImmutableArray<IKubeObject> wanted, WorkspaceObservation observed)
    {
        var next = wanted.OfType<StatefulSet>().Single().Spec!;
        return
        [
            .. observed.Owned.OfType<StatefulSet>().Where(live => live.Metadata.Name == observed.Workload?.Metadata.Name
                && live.Spec is { } now
                && (now.ServiceName != next.ServiceName || now.PodManagementPolicy != next.PodManagementPolicy
                    || !Same(now.Selector?.MatchLabels, next.Selector?.MatchLabels))),
        ];
    }

    private static bool Same(
        ImmutableSortedDictionary<string, string>? left, ImmutableSortedDictionary<string, string>? right) =>
        (left ?? ImmutableSortedDictionary<string, string>.Empty)
            .SequenceEqual(right ?? ImmutableSortedDictionary<string, string>.Empty);

    private static IEnumerable<Occurrence> Events(Wanted wanted, NodePlan nodes)
    {
        var (workspace, preset) = (wanted.Workspace, wanted.Preset);
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

        if (!preset.Adapters.IsEmpty)
        {
            yield return new(true, "AdaptersNotServed",
                "inference.adapters has no effect in this version: the model is served without its adapters.");
        }
    }

    private static string NotServing(string? before) => before is WorkspaceStates.Ready or WorkspaceStates.NotReady
        ? WorkspaceStates.NotReady
        : WorkspaceStates.Pending;

    private static WorkspacePlan Later(string message) => Stopped("NotAvailable", message);

    private static WorkspacePlan Stopped(string reason, string message) => new()
    {
        Conditions =
        [
            WorkspaceConditions.Unmet(ConditionTypes.ResourceReady, reason, message),
            WorkspaceConditions.Unmet(ConditionTypes.InferenceReady, reason, message),
            WorkspaceConditions.Unmet(ConditionTypes.WorkspaceSucceeded, reason, message),
        ],
        State = WorkspaceStates.Failed,
        Events = [new(true, reason, message.Length > 1000 ? message[..1000] : message)],
    };

    private sealed record Wanted(Workspace Workspace, Preset Preset, EngineConfig Engine, RevisionPlan Revision);
}
