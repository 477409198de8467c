using System.Collections.Immutable;
using Kaito.Core;
using Kaito.Core.Api;
using Kaito.Core.Contracts;
using Kaito.Core.Workspaces;
using Kaito.Operator.Cluster;
using Kaito.Operator.Nodes;
using Kaito.Operator.Rendering;
using Preset = Kaito.Core.Workspaces.InferenceWorkload.Preset;

namespace Kaito.Operator.Workspaces;

/// <summary>PURE: from what is wanted and what is there to what should be.</summary>
internal static class WorkspacePlanner
{
    public static WorkspacePlan Plan(Workspace workspace, WorkspaceObservation observed, OperatorOptions options) =>
        workspace.Inference switch
        {
            Preset { Runtime: InferenceRuntime.Onnx } preset => Serve(workspace, preset, observed, options),
            Preset preset => Later($"Runtime {preset.Runtime.ToString().ToLowerInvariant()} is not available in this "
                + $"version ({preset.RuntimeReason}); only runtime onnx is."),
            _ => Later("inference.template is not available in this version; use inference.preset with runtime onnx."),
        };

    /// <summary>For a Workspace that failed its checks: everything wrong, and nothing else.</summary>
    public static WorkspacePlan Reject(ImmutableArray<FieldError> errors)
    {
        var message = string.Join("; ", errors.Select(static e => e.Path.Length == 0 ? e.Message : $"{e.Path}: {e.Message}"));
        return Stopped("WorkspaceInvalid", message);
    }

    private static WorkspacePlan Serve(
        Workspace workspace, Preset preset, WorkspaceObservation observed, OperatorOptions options)
    {
        var nodes = NodeClaimStrategy.Plan(workspace, observed, options);
        var inference = WorkspaceConditions.OfInference(observed, nodes.Ready);
        var serving = inference.All(static c => c.Status == Condition.True);
        return new()
        {
            // Until the first time that all nodes are there only nodes are asked for. Afterwards the workload stays.
            Apply = nodes.Ready || observed.Workload is not null
                ? [.. nodes.Claims, .. Workload(workspace, preset, observed, options)]
                : [.. nodes.Claims],
            MarkNodes = nodes.Unmarked,
            Conditions = [.. nodes.Conditions, .. inference],
            State = serving ? WorkspaceStates.Ready : NotServing(observed.Status?.State),
            TargetNodes = workspace.Nodes,
            WorkerNodes = [.. observed.Nodes.Select(static n => n.Metadata.Name!).Order(StringComparer.Ordinal)],
            Events =
            [
                .. nodes.Claims.Select(c => new Occurrence(false, "NodeClaimCreated",
                    $"Successfully created NodeClaim {c.Metadata.Name} for workspace {workspace.Namespace}/{workspace.Name}")),
                .. Warnings(workspace, preset),
            ],
        };
    }

    private static IEnumerable<Core.Kubernetes.IKubeObject> Workload(
        Workspace workspace, Preset preset, WorkspaceObservation observed, OperatorOptions options)
    {
        // A new operator does not restart pods that run: the image changes when the workload is made again.
        var running = observed.Workload?.Spec?.Template?.Spec?.Containers?.FirstOrDefault()?.Image;
        var image = running ?? $"{options.ImageRegistry}/{Images.InferenceHost}:{options.ImageTag}";
        return
        [
            .. Services.Render(workspace),
            .. Rendering.InferenceWorkload.Render(workspace, preset, observed.ContextTokens, image),
        ];
    }

    private static IEnumerable<Occurrence> Warnings(Workspace workspace, Preset preset)
    {
        foreach (var warning in workspace.Warnings)
        {
            yield return new(true, "WorkspaceWarning", warning);
        }

        if (!preset.Adapters.IsEmpty)
        {
            yield return new(true, "AdaptersNotServed",
                "inference.adapters has no effect in this version: the model is served without its adapters.");
        }
    }

    private static string NotServing(string? before) =>
        before is WorkspaceStates.Ready or WorkspaceStates.NotReady ? WorkspaceStates.NotReady : WorkspaceStates.Pending;

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
}
