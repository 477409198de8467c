using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Catalog;
using Kaito.Core.Hardware;
using Kaito.Core.Sizing;

namespace Kaito.Core.Workspaces;

/// <summary>What serves a preset, on how many nodes, and why.</summary>
internal sealed record RuntimeChoice(InferenceRuntime Runtime, int Nodes, string Reason)
{
    private const string FieldPath = "inference.runtime";

    private static readonly string[] s_names = ["onnx", "vllm", "huggingface", "transformers"];

    private static readonly string s_annotationPath = $"metadata.annotations[\"{Annotations.Runtime}\"]";

    /// <summary>What the user asked for; <see langword="null"/> when nothing, or when it is an error.</summary>
    public static InferenceRuntime? Requested(WorkspaceResource resource, Findings findings)
    {
        var (value, path) = resource.Inference?.Runtime is { Length: > 0 } field
            ? (field, FieldPath)
            : (WorkspaceParser.Annotation(resource, Annotations.Runtime), s_annotationPath);
        switch (value?.Trim().ToLowerInvariant())
        {
            case null or "":
                return null;
            case "onnx":
                return InferenceRuntime.Onnx;
            case "vllm":
                return InferenceRuntime.Vllm;
            case "transformers" or "huggingface":
                return InferenceRuntime.Transformers;
            default:
                findings.Error(
                    path, "unknown-runtime",
                    $"\"{value}\" is not a runtime.{NearestNames.Question(NearestNames.Of(value, s_names))} "
                    + "Use onnx, vllm or huggingface, or leave it out.");
                return null;
        }
    }

    /// <summary>Chooses for a model on an instance type; errors are in <paramref name="findings"/>.</summary>
    public static RuntimeChoice For(
        ModelPreset model, ParsedNodes nodes, (InferenceRuntime? Runtime, Offer Offer) requested, int? contextTokens,
        bool bypass, Findings findings)
    {
        var choice = Choose(model, nodes, requested.Runtime, contextTokens, (bypass, requested.Offer.Vllm), findings);
        return choice.Runtime == InferenceRuntime.Vllm && !requested.Offer.Vllm
            ? Whole(model, nodes, "The gate vLLM is off.", bypass, findings)
            : choice;
    }

    private static RuntimeChoice Choose(
        ModelPreset model, ParsedNodes nodes, InferenceRuntime? requested, int? contextTokens,
        (bool Bypass, bool Vllm) given, Findings findings)
    {
        var bypass = given.Bypass;
        if (!model.Known)
        {
            return new(requested ?? InferenceRuntime.Vllm, nodes.Count, $"{model.Repository} is being looked up.");
        }

        if (nodes is { Provisioned: false, Sku.Gpus: 0 })
        {
            return new(requested ?? InferenceRuntime.Onnx, nodes.Count, "No node has told its GPUs yet.");
        }

        CheckAccelerator(nodes.Sku, bypass, findings);
        if (requested == InferenceRuntime.Transformers)
        {
            return Whole(model, nodes, "The Workspace asks for huggingface.", bypass, findings);
        }

        CheckFallbacks(model, nodes, contextTokens, bypass, findings);
        if (!GpuSizing.Size(model, nodes.Shape, contextTokens, SizingPolicy.Default).TryGet(
            out var size, out var errors))
        {
            findings.Report([.. errors.Select(e => e with { Path = nodes.Path })], bypass);
            return new(requested ?? InferenceRuntime.Onnx, nodes.Count, "The model's size was not checked.");
        }

        return requested switch
        {
            InferenceRuntime.Onnx => Onnx(model, nodes, size, bypass, findings),
            InferenceRuntime.Vllm => Computed(InferenceRuntime.Vllm, "The Workspace asks for vllm."),
            _ when size.Nodes > 1 =>
                Computed(
                    InferenceRuntime.Vllm,
                    $"{model.Repository} needs {size.Nodes} {nodes.Sku.Name} nodes, and onnx has one."),
            _ when !OnnxModels.CanServe(model) =>
                Computed(InferenceRuntime.Vllm, $"onnx does not serve {OnnxModels.Describe(model)}."),
            _ => Computed(InferenceRuntime.Onnx, $"One {nodes.Sku.Name} node holds {model.Repository}."),
        };

        RuntimeChoice Computed(InferenceRuntime runtime, string reason)
        {
            if (nodes.Count > 1 && nodes.Count != size.Nodes && (runtime != InferenceRuntime.Vllm || given.Vllm))
            {
                findings.Warning(
                    "resource.count", $"{nodes.Count} has no effect: the model needs {size.Nodes} node(s).");
            }

            return new(runtime, size.Nodes, reason);
        }
    }

    private static RuntimeChoice Onnx(
        ModelPreset model, ParsedNodes nodes, GpuSize size, bool bypass, Findings findings)
    {
        if (size.Nodes > 1)
        {
            findings.Report(
                [
                    new FieldError(
                        nodes.Path, "model-too-large",
                        $"{model.Repository} needs {size.Nodes} {nodes.Sku.Name} nodes, and runtime onnx runs a model on "
                        + "one. Choose an instance type with more GPU memory, or runtime vllm."),
                ],
                bypass);
        }

        if (!OnnxModels.CanServe(model))
        {
            findings.Warning(
                FieldPath, $"onnx does not build {OnnxModels.Describe(model)} itself; supply a built model.");
        }

        return new(InferenceRuntime.Onnx, nodes.Count, "The Workspace asks for onnx.");
    }

    // Every pod of the transformers server holds the whole model.
    private static RuntimeChoice Whole(
        ModelPreset model, ParsedNodes nodes, string reason, bool bypass, Findings findings)
    {
        if (model is { Known: true, TransformersArguments: null })
        {
            findings.Error(
                FieldPath, "runtime-unsupported",
                $"Runtime huggingface does not serve {model.Repository}. {reason} Choose runtime onnx or vllm, or another "
                + "preset.");
        }

        if (nodes.Sku.Gpus > 0 && model.Weights.Bytes > nodes.Sku.GpuMemory.Bytes)
        {
            findings.Report(
                [
                    new FieldError(
                        nodes.Path, "model-too-large",
                        $"{model.Repository} has {model.Weights} of weights, {nodes.Sku.Name} has {nodes.Sku.GpuMemory} of "
                        + "GPU memory, and runtime huggingface does not spread a model over nodes. Choose an instance type "
                        + "with more GPU memory, or runtime vllm."),
                ],
                bypass);
        }

        return new(InferenceRuntime.Transformers, nodes.Count, reason);
    }

    // A pod that was sized for one instance type must run on the others.
    private static void CheckFallbacks(
        ModelPreset model, ParsedNodes nodes, int? contextTokens, bool bypass, Findings findings)
    {
        var needed = Nodes(nodes.Sku);
        var index = 0;
        foreach (var fallback in nodes.Fallbacks)
        {
            CheckAccelerator(fallback, bypass, findings);
            if (Nodes(fallback) is var other && needed is not null && (other is null || other > needed))
            {
                findings.Report(
                    [
                        new FieldError(
                            $"resource.fallbackInstanceTypes[{index}]", "model-too-large",
                            $"{model.Repository} fits {needed} {nodes.Sku.Name} node(s), and not as many {fallback.Name}. "
                            + "Choose an instance type with as much GPU memory."),
                    ],
                    bypass);
            }

            index++;
        }

        int? Nodes(GpuSku sku) =>
            GpuSizing.Size(model, sku.Shape, contextTokens, SizingPolicy.Default).TryGet(out var size, out _)
                ? size.Nodes
                : null;
    }

    private static void CheckAccelerator(GpuSku sku, bool bypass, Findings findings)
    {
        if (sku.ComputeCapability is null)
        {
            findings.Report(
                [
                    new FieldError(
                        "resource.instanceType", "unsupported-accelerator",
                        $"{sku.Name} has {sku.GpuModel}, and presets run on NVIDIA GPUs. "
                        + "Choose an instance type with those."),
                ],
                bypass);
        }
    }
}

/// <summary>The models that runtime onnx serves once the folder with their own form is there.</summary>
internal static class OnnxModels
{
    private static readonly ImmutableHashSet<string> s_architectures =
    [
        "FalconForCausalLM", "LlamaForCausalLM", "MistralForCausalLM", "Phi3ForCausalLM", "PhiForCausalLM",
        "Qwen2ForCausalLM", "Qwen3ForCausalLM", "StableLmForCausalLM",
    ];

    public static bool CanServe(ModelPreset model) =>
        model.Quantization is null && s_architectures.Contains(model.Architecture);

    public static string Describe(ModelPreset model) =>
        model.Quantization is null ? model.Architecture : $"{model.Architecture} with {model.Quantization} weights";
}
