using System.Collections.Immutable;
using System.Globalization;
using Kaito.Core.Workspaces;
using Kaito.Operator.Nodes;
using Preset = Kaito.Core.Workspaces.InferenceWorkload.Preset;

namespace Kaito.Operator.Rendering;

/// <summary>PURE: the command line of upstream's vLLM wrapper, one list element per argument; no shell reads them.</summary>
internal static class VllmArguments
{
    public const string ConfigFolder = "/mnt/config";
    public const string WeightsFolder = "/workspace/weights";

    // Models whose key/value cache has several shapes: their cache cannot be offloaded to CPU memory.
    private static readonly ImmutableHashSet<string> s_hybridCaches =
    [
        "NemotronHForCausalLM", "NemotronH_Nano_VL_V2", "NemotronHMTPModel", "NemotronHPuzzleForCausalLM",
        "Gemma4ForCausalLM", "Gemma4ForConditionalGeneration", "Gemma4UnifiedForConditionalGeneration",
        "Qwen3_5ForConditionalGeneration", "Qwen3_5MoeForConditionalGeneration", "DeepseekV4ForCausalLM",
        "DeepseekV32ForCausalLM", "GptOssForCausalLM",
    ];

    /// <summary>The program and its flags, sorted, so that the same wish is always the same text.</summary>
    public static ImmutableArray<string> Of(
        Workspace workspace, Preset preset, PodPlacement placement, UpstreamOptions options)
    {
        var flags = new SortedDictionary<string, string>(preset.Model.VllmArguments, StringComparer.Ordinal);
        AddModel(flags, preset, options);
        AddServing(flags, workspace, preset, options);
        AddParallelism(flags, workspace, preset, placement);
        return
        [
            "python3", "/workspace/vllm/inference_api.py",
            .. flags.Select(static f => f.Value.Length == 0 ? $"--{f.Key}" : $"--{f.Key}={Literal(f.Value)}"),
        ];
    }

    private static void AddModel(SortedDictionary<string, string> flags, Preset preset, UpstreamOptions options)
    {
        var model = preset.Model;
        flags["config_format"] = model.ConfigFormat;
        flags["tokenizer_mode"] = model.TokenizerMode;
        flags["trust-remote-code"] = "";
        flags["dtype"] = preset.Dtype ?? model.Dtype;
        if (options.LocalWeights is { } folder)
        {
            flags["model"] = folder;
            flags["load-format"] = "runai_streamer";
        }
        else
        {
            flags["load_format"] = model.LoadFormat;
            flags["model"] = model.Repository.ToLowerInvariant();
            flags["download-dir"] = WeightsFolder;
        }

        if (model.ToolParser is { } tools)
        {
            flags["tool-call-parser"] = tools;
            flags["enable-auto-tool-choice"] = "";
        }

        if (model.ReasoningParser is { } reasoning)
        {
            flags["reasoning-parser"] = reasoning;
        }

        if (model.ChatTemplate is { } template)
        {
            flags["chat-template"] = $"/workspace/chat_templates/tool-chat-{template}.jinja";
        }
    }

    private static void AddServing(
        SortedDictionary<string, string> flags, Workspace workspace, Preset preset, UpstreamOptions options)
    {
        flags["served-model-name"] = preset.Name;
        flags["max-model-len"] = "auto";
        flags["gpu-memory-utilization"] = workspace.Sku.GpuModel == "NVIDIA A10" ? "0.82" : "0.84";
        flags["kv-events-config"] = """{"enable_kv_cache_events":true}""";
        flags["compilation-config.pass_config.fuse_allreduce_rms"] = "False";
        if (!preset.Adapters.IsEmpty)
        {
            flags["enable-lora"] = "";
        }

        if (preset.ConfigMap is not null)
        {
            flags["kaito-config-file"] = $"{ConfigFolder}/inference_config.yaml";
        }

        if (options.PerformanceMode is { } mode)
        {
            flags["performance-mode"] = mode;
        }

        if (options.Port != InferenceWorkload.Port)
        {
            flags["port"] = Text(options.Port);
        }
    }

    private static void AddParallelism(
        SortedDictionary<string, string> flags, Workspace workspace, Preset preset, PodPlacement placement)
    {
        var isSlice = placement.GpuResource != PodPlacement.Gpu;
        var gpus = placement.Gpus;
        var copies = workspace.Nodes == 1 && gpus > 1
            && preset.Model.Weights.Bytes * gpus * 2 < workspace.Sku.GpuMemory.Bytes;
        flags["tensor-parallel-size"] = Text(copies ? 1 : gpus);
        if (copies)
        {
            flags["data-parallel-size"] = Text(gpus);
        }

        if (workspace.Nodes > 1)
        {
            flags["pipeline-parallel-size"] = Text(workspace.Nodes);
            flags["distributed-executor-backend"] = "ray";
        }

        if (copies || isSlice || workspace.Nodes > 1 || s_hybridCaches.Contains(preset.Model.Architecture))
        {
            flags["kaito-kv-cache-cpu-memory-utilization"] = "0";
        }
    }

    // The kubelet reads $(NAME) as a variable.
    public static string Literal(string value) => value.Replace("$(", "$$(", StringComparison.Ordinal);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
