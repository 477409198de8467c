using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Kaito.Core.Api;
using Kaito.Core.Catalog;

namespace Kaito.Core.Workspaces;

/// <summary>What <c>inference</c> says, and what follows for the nodes.</summary>
internal sealed record ParsedInference(InferenceWorkload Workload, int Nodes, ByteSize Disk);

/// <summary>The rules of <c>inference</c>.</summary>
internal static class InferenceRules
{
    private const int MaxAdapters = 10;

    /// <summary>Checks all of <c>inference</c>, and sizes it when the nodes are known.</summary>
    public static ParsedInference? Parse(
        WorkspaceResource resource,
        InferenceSpec spec,
        ParsedNodes? nodes,
        Offer offer,
        int? contextTokens,
        Findings findings)
    {
        switch (spec)
        {
            case { Preset: null, Template: null }:
                findings.Required("inference.preset", "Name a preset, or set inference.template to a pod of your own.");
                return null;
            case { Preset: not null, Template: not null }:
                findings.Error(
                    "inference", "preset-and-template", "Both preset and template are set. Remove one of them.");
                return null;
            case { Template: { } template }:
                Replicas(spec, null, findings);
                return ParseTemplate(template, nodes, findings);
            default:
                return ParsePreset(resource, spec, nodes, offer, contextTokens, findings);
        }
    }

    private static ParsedInference? ParseTemplate(JsonElement template, ParsedNodes? nodes, Findings findings)
    {
        if (template.ValueKind != JsonValueKind.Object
            || !template.TryGetProperty("spec", out var pod)
            || pod.ValueKind != JsonValueKind.Object
            || !pod.TryGetProperty("containers", out var containers)
            || containers.ValueKind != JsonValueKind.Array
            || containers.GetArrayLength() == 0)
        {
            findings.Error(
                "inference.template", "invalid-template",
                "The template has no containers. Set inference.template.spec.containers as in a pod.");
            return null;
        }

        return nodes is null ? null : new(
            new InferenceWorkload.Template(template.GetRawText()), nodes.Count, WorkspaceParser.UnknownDisk);
    }

    private static ParsedInference? ParsePreset(
        WorkspaceResource resource,
        InferenceSpec spec,
        ParsedNodes? nodes,
        Offer offer,
        int? contextTokens,
        Findings findings)
    {
        var requested = RuntimeChoice.Requested(resource, findings);
        var adapters = ParseAdapters(spec.Adapters ?? [], findings);
        CheckConfig(spec.Config, findings);
        if (PresetRules.Find(spec.Preset!, "inference.preset", offer, findings) is not { } model)
        {
            return null;
        }

        CheckContext(model, contextTokens, findings);
        CheckOptions(spec.Preset!, model, findings);
        if (nodes is null)
        {
            return null;
        }

        var bypass = WorkspaceParser.Annotation(resource, Annotations.BypassResourceChecks) is not null;
        var choice = RuntimeChoice.For(model, nodes, (requested, offer), contextTokens, bypass, findings);
        CheckRuntime(spec, choice.Runtime, findings);
        var workload = new InferenceWorkload.Preset(
            ServedName(resource, model, offer.Catalog), model, choice.Runtime, choice.Reason)
        {
            ConfigMap = spec.Config is { Length: > 0 } config ? config : null,
            AccessSecret = spec.Preset!.PresetOptions?.ModelAccessSecret is { Length: > 0 } secret ? secret : null,
            Dtype = spec.Preset.PresetOptions?.TorchDtype is { Length: > 0 } dtype ? dtype : null,
            Adapters = adapters,
        };
        return new(workload, Replicas(spec, choice.Runtime, findings) ?? choice.Nodes, model.Disk);
    }

    private static int? Replicas(InferenceSpec spec, InferenceRuntime? runtime, Findings findings)
    {
        const string Path = "inference.replicas";
        if (spec.Replicas is < 1)
        {
            findings.Error(Path, "out-of-range", $"{spec.Replicas} is not a number of replicas. Use 1 or more.");
        }
        else if (spec.Replicas is > 1 && !IsReplicated(runtime))
        {
            findings.Error(
                Path, "replicas-unsupported",
                $"{spec.Replicas} replicas are served by runtimes onnx and huggingface only. Remove it and use an InferenceSet.");
        }

        return spec.Replicas is > 0 && IsReplicated(runtime) ? spec.Replicas : null;
    }

    // Each pod serves the whole model.
    private static bool IsReplicated(InferenceRuntime? runtime) =>
        runtime is InferenceRuntime.Onnx or InferenceRuntime.Transformers;

    // Every replica of an InferenceSet answers to the set's name.
    private static string ServedName(WorkspaceResource resource, ModelPreset model, ModelCatalog catalog) =>
        resource.Metadata.Labels?.GetValueOrDefault(Labels.CreatedByInferenceSet) is { Length: > 0 } set
            ? set
            : PresetRules.ServedName(resource.Inference!.Preset!, model, catalog);

    private static void CheckOptions(PresetSpec preset, ModelPreset model, Findings findings)
    {
        if (string.Equals(preset.AccessMode, "private", StringComparison.OrdinalIgnoreCase))
        {
            findings.Warning(
                "inference.preset.accessMode", "\"private\" has no effect; the model comes from its repository.");
        }

        if (preset.PresetOptions is { } options)
        {
            if (options.Image is { Length: > 0 } || options.ImagePullSecrets is { IsEmpty: false })
            {
                findings.Warning(
                    "inference.preset.presetOptions.image", "Images of models have no effect; the model comes from its "
                    + "repository.");
            }
        }

        if (model.Gated && preset.PresetOptions?.ModelAccessSecret is not { Length: > 0 })
        {
            findings.Warning(
                "inference.preset.presetOptions.modelAccessSecret",
                $"{model.Repository} asks for an access token. Name a Secret with the key HF_TOKEN unless the nodes "
                + "have the weights.");
        }
    }

    private static void CheckConfig(string? config, Findings findings)
    {
        if (config is { Length: > 0 } && !Names.IsSubdomain(config))
        {
            findings.Error("inference.config", "invalid-name", $"\"{config}\" is not the name of a ConfigMap.");
        }
    }

    private static void CheckContext(ModelPreset model, int? contextTokens, Findings findings)
    {
        if (model.Known && contextTokens > model.ContextTokens)
        {
            findings.Error(
                "inference.config", "context-too-long",
                $"max-model-len {contextTokens} is more than the {model.ContextTokens} tokens of {model.Repository}. "
                + "Lower it.");
        }
    }

    private static ImmutableArray<Adapter> ParseAdapters(ImmutableArray<AdapterSpec> specs, Findings findings)
    {
        if (specs.Length > MaxAdapters)
        {
            findings.Error(
                "inference.adapters", "too-many", $"{specs.Length} adapters are more than {MaxAdapters}. Remove some.");
        }

        var adapters = specs.Select((spec, index) => AdapterRules.Parse(spec, $"inference.adapters[{index}]", findings))
            .OfType<Adapter>().ToImmutableArray();
        foreach (var name in adapters.GroupBy(static a => a.Name).Where(static g => g.Count() > 1).Select(
            static g => g.Key))
        {
            findings.Error(
                "inference.adapters", "duplicate",
                $"More than one adapter has the name \"{name}\". Rename all but one.");
        }

        return adapters;
    }

    private static void CheckRuntime(InferenceSpec spec, InferenceRuntime runtime, Findings findings)
    {
        if (runtime == InferenceRuntime.Onnx && spec.Preset?.PresetOptions?.TorchDtype is { Length: > 0 } dtype)
        {
            findings.Warning(
                "inference.preset.presetOptions.torchDtype",
                $"{dtype} has no effect: with runtime onnx the model's folder says the type.");
        }

        if (runtime == InferenceRuntime.Transformers && spec.Config is { Length: > 0 })
        {
            findings.Warning("inference.config", "It has no effect: runtime huggingface reads no inference_config.yaml.");
        }

        CheckStrength(spec.Adapters ?? [], runtime, findings);
    }

    private static void CheckStrength(ImmutableArray<AdapterSpec> specs, InferenceRuntime runtime, Findings findings)
    {
        for (var index = 0; runtime == InferenceRuntime.Vllm && index < specs.Length; index++)
        {
            var path = $"inference.adapters[{index}].strength";
            if (specs[index].Strength is not { Length: > 0 } text
                || !double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var strength))
            {
                continue;
            }

            // In full is what vllm does anyway; anything else it cannot do.
            if (strength < 1)
            {
                findings.Error(
                    path, "strength-unsupported",
                    $"Runtime vllm applies adapters in full, not with {text}. "
                    + "Remove strength, or choose runtime onnx or huggingface.");
            }
            else
            {
                findings.Warning(path, $"{text} has no effect: runtime vllm always applies adapters in full.");
            }
        }
    }
}
