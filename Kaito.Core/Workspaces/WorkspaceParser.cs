using System.Collections.Immutable;
using Kaito.Core.Api;

namespace Kaito.Core.Workspaces;

/// <summary>
/// From a Workspace as the user wrote it to one that can be planned, or to every reason why it cannot.
/// </summary>
/// <remarks>Used by admission and by the reconciler: what one lets through, the other can carry out.</remarks>
public static class WorkspaceParser
{
    // What upstream asks for where no preset that is served says how much.
    internal static readonly ByteSize UnknownDisk = ByteSize.FromGi(1024);

    private const string AlphaInstanceType = "Standard_NC24ads_A100_v4";

    private static readonly ImmutableArray<string> s_imageFamilies = ["azurelinux", "ubuntu"];
    private static readonly ImmutableArray<string> s_performanceModes = ["balanced", "interactivity", "throughput"];

    /// <summary>Checks everything and fills in every default.</summary>
    /// <param name="resource">v1beta1 or v1alpha1.</param>
    /// <param name="offer">What there is to ask for.</param>
    /// <param name="contextTokens">
    /// <c>max-model-len</c> of the user's ConfigMap, in tokens; <see langword="null"/> for the policy's context.
    /// </param>
    public static Validated<Workspace> Parse(
        WorkspaceResource resource, Offer offer, int? contextTokens = null)
    {
        if (resource.Unreadable is { } unreadable)
        {
            return ImmutableArray.Create(unreadable);
        }

        var findings = new Findings();
        CheckRoot(resource, findings);
        CheckAnnotations(resource, findings);

        var nodes = ResourceRules.Parse(
            Defaulted(resource), resource.Inference?.Preset is not null || resource.Tuning is not null, offer.Nodes,
            findings);
        var work = ParseWork(resource, nodes, offer, contextTokens, findings);
        ReferenceRules.Check(resource, findings);
        return findings.Errors.IsEmpty && nodes is not null && work is not null
            ? Accepted(resource, nodes, work, findings.Warnings)
            : findings.Errors;
    }

    // Both, where both are set by mistake, so that the user learns of every error at once.
    private static ParsedWork? ParseWork(
        WorkspaceResource resource, ParsedNodes? nodes, Offer offer, int? contextTokens, Findings findings)
    {
        var inference = resource.Inference is null
            ? null
            : InferenceRules.Parse(resource, resource.Inference, nodes, offer, contextTokens, findings);
        var tuning = resource.Tuning is null
            ? null
            : TuningRules.Parse(resource, resource.Tuning, offer, findings);
        return (inference, tuning) switch
        {
            ({ } served, _) => new(served.Workload, null, served.Nodes, served.Disk),
            (_, { } job) => new(null, job, 1, UnknownDisk),
            _ => null,
        };
    }

    private static Workspace Accepted(
        WorkspaceResource resource, ParsedNodes nodes, ParsedWork work, ImmutableArray<string> warnings) => new()
        {
            Name = resource.Metadata.Name!,
            Namespace = resource.Metadata.Namespace ?? "default",
            Uid = resource.Metadata.Uid ?? "",
            Generation = resource.Metadata.Generation ?? 0,
            InstanceType = nodes.Provisioned ? nodes.Sku.Name : "",
            Sku = nodes.Sku,
            GpusKnown = nodes.Provisioned || nodes.Sku.Gpus > 0 || work.Inference is InferenceWorkload.Template,
            GpuResource = nodes.GpuResource,
            FallbackInstanceTypes = [.. nodes.Fallbacks.Select(static f => f.Name)],
            PreferredNodes = nodes.Preferred,
            NodeLabels = nodes.Labels,
            Inference = work.Inference,
            Tuning = work.Tuning,
            Nodes = work.Nodes,
            Disk = work.Disk,
            LoadBalancer = Annotation(resource, Annotations.EnableLoadBalancer) == "True",
            NodeImageFamily = Annotation(resource, Annotations.NodeImageFamily)?.Trim().ToLowerInvariant(),
            NodeClass = Annotation(resource, Annotations.NodeClassName) is { Length: > 0 } nodeClass ? nodeClass : null,
            InheritedLabels = Inherited(resource),
            Warnings = warnings,
        };

    /// <summary>The value of an annotation; <see langword="null"/> when absent.</summary>
    internal static string? Annotation(WorkspaceResource resource, string key) =>
        resource.Metadata.Annotations?.GetValueOrDefault(key);

    // v1alpha1 has a default that v1beta1 lacks; an object that went through no API server has none of them.
    private static ResourceSpec? Defaulted(WorkspaceResource resource) =>
        resource.ApiVersion == WorkspaceResource.V1Alpha1 && resource.Resource is { InstanceType: null } spec
            ? spec with { InstanceType = AlphaInstanceType }
            : resource.Resource;

    private static ImmutableSortedDictionary<string, string> Inherited(WorkspaceResource resource) =>
        (resource.Metadata.Labels ?? ImmutableSortedDictionary<string, string>.Empty)
            .Where(static label => label.Key
                is Labels.CreatedByInferenceSet or Labels.CreatedByMultiRoleInference or Labels.InferenceRole)
            .ToImmutableSortedDictionary();

    private static void CheckRoot(WorkspaceResource resource, Findings findings)
    {
        if (resource.ApiVersion is not (WorkspaceResource.V1Beta1 or WorkspaceResource.V1Alpha1))
        {
            findings.Error(
                "apiVersion", "unknown-api-version",
                $"\"{resource.ApiVersion}\" is unknown. "
                + $"Use {WorkspaceResource.V1Beta1} or {WorkspaceResource.V1Alpha1}.");
        }

        if (resource.Kind != WorkspaceResource.KindName)
        {
            findings.Error("kind", "unknown-kind", $"\"{resource.Kind}\" is not {WorkspaceResource.KindName}.");
        }

        CheckName(resource.Metadata.Name, findings);
        switch (resource)
        {
            case { Inference: null, Tuning: null }:
                findings.Error(
                    "", "neither-inference-nor-tuning", "Neither inference nor tuning is set. Set one of them.");
                break;
            case { Inference: not null, Tuning: not null }:
                findings.Error("", "inference-and-tuning", "Both inference and tuning are set. Remove one of them.");
                break;
            default:
                break;
        }
    }

    private static void CheckName(string? name, Findings findings)
    {
        if (string.IsNullOrEmpty(name))
        {
            findings.Required("metadata.name", "Give the Workspace a name.");
        }
        else if (!Names.IsLabel(name))
        {
            findings.Error(
                "metadata.name", "invalid-name",
                $"\"{name}\" is not a label of at most {Names.MaxLabel} lower-case letters, digits and dashes that "
                + "starts and ends with a letter or digit.");
        }
        else if (name.Length > Names.MaxWorkload)
        {
            findings.Error(
                "metadata.name", "name-too-long",
                $"\"{name}\" has {name.Length} characters. Use at most {Names.MaxWorkload}: the names of pods and "
                + "Services are made from it.");
        }
    }

    private static void CheckAnnotations(WorkspaceResource resource, Findings findings)
    {
        CheckChoice(Annotations.NodeImageFamily, s_imageFamilies, static value => value.Trim().ToLowerInvariant());
        CheckChoice(Annotations.PerformanceMode, s_performanceModes, static value => value);
        CheckChoice(Annotations.UseLocalWeights, ["true", "false"], static value => value);

        void CheckChoice(string key, ImmutableArray<string> allowed, Func<string, string> normalize)
        {
            if (Annotation(resource, key) is { } value && !allowed.Contains(normalize(value)))
            {
                findings.Error(
                    $"metadata.annotations[\"{key}\"]", "unknown-value",
                    $"\"{value}\" is unknown. Use one of {string.Join(", ", allowed)}, or remove the annotation.");
            }
        }
    }
    private sealed record ParsedWork(InferenceWorkload? Inference, TuningWorkload? Tuning, int Nodes, ByteSize Disk);
}
