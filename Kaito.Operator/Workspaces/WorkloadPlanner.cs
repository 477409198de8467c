using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Kaito.Core.Api;
using Kaito.Core.Contracts;
using Kaito.Core.Kubernetes;
using Kaito.Core.Workspaces;
using Kaito.Operator.Nodes;
using Kaito.Operator.Rendering;
using Preset = Kaito.Core.Workspaces.InferenceWorkload.Preset;

namespace Kaito.Operator.Workspaces;

/// <summary>A Workspace that passed its checks, and what belongs to it.</summary>
internal sealed record Wanted(
    WorkspaceResource Resource, Workspace Workspace, EngineConfig Engine, RevisionPlan Revision)
{
    /// <summary>What the user asks of the tuner.</summary>
    public TrainingConfig Training { get; init; } = TrainingConfig.Default;

    /// <summary>The revision's number as annotations carry it.</summary>
    public string Number => Revision.Current.Revision.ToString(CultureInfo.InvariantCulture);
}

/// <summary>PURE: the objects that do a Workspace's work, and those that no longer do.</summary>
internal static class WorkloadPlanner
{
    /// <summary>Every object of the workload, in the order in which they are applied.</summary>
    public static ImmutableArray<IKubeObject> Render(
        Wanted wanted, PodPlacement placement, WorkspaceObservation observed, OperatorOptions options) =>
        [.. RenderAll(wanted, placement, observed, options).Select(Telling)];

    // A container that fails leaves the end of its log in its status, where a diagnosis finds it.
    private static IKubeObject Telling(IKubeObject item) => item switch
    {
        StatefulSet { Spec: { Template: { } template } spec } set =>
            set with { Spec = spec with { Template = Telling(template) } },
        Job { Spec: { Template: { } template } spec } job => job with { Spec = spec with { Template = Telling(template) } },
        _ => item,
    };

    private static PodTemplate Telling(PodTemplate template) => template is { Verbatim: null, Spec: { } pod }
        ? template with
        {
            Spec = pod with
            {
                InitContainers = pod.InitContainers is { } first ? [.. first.Select(Telling)] : null,
                Containers = pod.Containers is { } all ? [.. all.Select(Telling)] : null,
            },
        }
        : template;

    private static Container Telling(Container container) =>
        container with { TerminationMessagePolicy = "FallbackToLogsOnError" };

    private static ImmutableArray<IKubeObject> RenderAll(
        Wanted wanted, PodPlacement placement, WorkspaceObservation observed, OperatorOptions options)
    {
        if (wanted.Workspace.Tuning is { Upstream: true } upstream)
        {
            return UpstreamTuningJob.Render(
                wanted.Workspace, upstream, placement,
                new(options.PresetRegistry, ServingImages.Upstream(options), wanted.Training.OutputFolder, wanted.Number));
        }

        if (wanted.Workspace.Tuning is { } tuning)
        {
            var (data, job) = TuningJob.Render(
                wanted.Workspace, tuning, placement, $"{options.ImageRegistry}/{Images.Tuner}:{options.ImageTag}",
                wanted.Number);
            return [data, job];
        }

        ImmutableArray<IKubeObject> services =
            [
                .. Services.Render(wanted.Workspace),
                .. observed.HasBudgets ? Services.Budgets(wanted.Workspace) : [],
            ];
        return wanted.Workspace.Inference switch
        {
            Preset { Runtime: InferenceRuntime.Onnx } preset =>
                [.. services, .. Onnx(wanted, preset, placement, (observed, options))],
            Preset preset => [.. services, Upstream(wanted, preset, placement, (observed, options))],
            Core.Workspaces.InferenceWorkload.Template template =>
                [
                    .. services,
                    TemplateWorkload.Render(
                        wanted.Workspace, template.Pod, placement, wanted.Revision.Current.Revision),
                ],
            var other => throw new InvalidOperationException($"Nothing serves {other}."),
        };
    }

    /// <summary>What the Workspace owns and its workload does not name.</summary>
    public static IEnumerable<IKubeObject> Unwanted(ImmutableArray<IKubeObject> wanted, WorkspaceObservation observed)
    {
        var kept = wanted.Select(static o => (o.Kind, o.Metadata.Name)).ToHashSet();
        return observed.Owned.Where(
            o => o.Metadata.DeletionTimestamp is null && !kept.Contains((o.Kind, o.Metadata.Name)));
    }

    /// <summary>
    /// What of it is applied now: nothing that must go first, and no Job again, which the API server lets nobody change.
    /// </summary>
    public static IEnumerable<IKubeObject> Due(
        ImmutableArray<IKubeObject> wanted, ImmutableArray<IKubeObject> remade, WorkspaceObservation observed) =>
        wanted.Where(o => o is not (StatefulSet or Job) || (remade.IsEmpty && (o is not Job || observed.Job is null)));

    /// <summary>
    /// Workloads that differ where the API server refuses a change, such as in what their pods are found by: they go, and
    /// come again.
    /// </summary>
    public static ImmutableArray<IKubeObject> Remade(
        ImmutableArray<IKubeObject> wanted, WorkspaceObservation observed) =>
    [
        .. wanted.OfType<StatefulSet>().SelectMany(next => observed.Owned.OfType<StatefulSet>().Where(
            live => live.Metadata.Name == next.Metadata.Name && live.Spec is { } now && Differ(now, next.Spec!))),
        .. wanted.OfType<Job>().SelectMany(next => observed.Owned.OfType<Job>().Where(
            live => live.Metadata.Name == next.Metadata.Name && Revision(live) != Revision(next))),
    ];

    private static string? Revision(Job job) => job.Metadata.Annotations?.GetValueOrDefault(Annotations.Revision);

    private static bool Differ(StatefulSetSpec now, StatefulSetSpec next) =>
        (now.ServiceName ?? "") != (next.ServiceName ?? "")
        || (now.PodManagementPolicy ?? "OrderedReady") != (next.PodManagementPolicy ?? "OrderedReady")
        || !Same(now.Selector?.MatchLabels, next.Selector?.MatchLabels)
        || !(now.VolumeClaimTemplates ?? []).Select(static c => c.Metadata.Name)
            .SequenceEqual((next.VolumeClaimTemplates ?? []).Select(static c => c.Metadata.Name));

    private static bool Same(
        ImmutableSortedDictionary<string, string>? left, ImmutableSortedDictionary<string, string>? right) =>
        (left ?? ImmutableSortedDictionary<string, string>.Empty)
            .SequenceEqual(right ?? ImmutableSortedDictionary<string, string>.Empty);

    private static ImmutableArray<IKubeObject> Onnx(
        Wanted wanted, Preset preset, PodPlacement placement, (WorkspaceObservation, OperatorOptions) given)
    {
        var (observed, options) = given;
        var image = Image(wanted, observed, ServingImages.Onnx(options));
        var (settings, pods) = Rendering.InferenceWorkload.Render(
            wanted.Workspace, preset,
            wanted.Engine with { BenchmarkSeconds = Benchmark.Applies(wanted) ? Benchmark.Seconds : null }, placement,
            (image, UpstreamOptions.WeightsOf(wanted.Resource)), wanted.Revision.Current.Revision);
        return [settings, pods];
    }

    private static StatefulSet Upstream(
        Wanted wanted, Preset preset, PodPlacement placement, (WorkspaceObservation, OperatorOptions) given)
    {
        var (observed, options) = given;
        var image = Image(wanted, observed, ServingImages.Upstream(options));
        var settings = UpstreamOptions.Of(wanted.Resource, preset.Runtime == InferenceRuntime.Vllm, image) with
        {
            Claims = Claims(wanted.Workspace, observed),
            RecentServer = observed.HasBudgets,
            ConfigHash = observed.UserConfig?.Data?.GetValueOrDefault(EngineConfig.File) is { } text
                ? Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..16]
                : null,
        };
        return UpstreamWorkload.Render(wanted.Workspace, preset, placement, settings, wanted.Revision.Current.Revision);
    }

    // A StatefulSet's claims never change: those of the one that is there stay, whatever the cluster has learned since.
    private static ImmutableArray<PersistentVolumeClaimTemplate> Claims(
        Workspace workspace, WorkspaceObservation observed) =>
        observed.Workload?.Spec is { } running ? running.VolumeClaimTemplates ?? []
        : workspace.Sku.Nvme && observed.NvmeClass is { } storageClass
            ? [UpstreamWorkload.WeightsClaim(workspace, storageClass)]
            : [];

    // A new operator does not restart pods that run: the image changes with the next revision of the Workspace, with
    // what serves it, or when the upgrade is asked for.
    private static string Image(Wanted wanted, WorkspaceObservation observed, string current)
    {
        var revision = observed.Workload?.Metadata.Annotations?.GetValueOrDefault(Annotations.Revision);
        var asked = wanted.Resource.Metadata.Labels?.GetValueOrDefault(Labels.UpgradeToVersion);
        return ServingImages.Running(observed.Workload) is { } running
            && (revision is null || revision == wanted.Number)
            && asked != ServingImages.Tag(current)
            && ServingImages.Program(running) == ServingImages.Program(current)
            ? running
            : current;
    }
}
