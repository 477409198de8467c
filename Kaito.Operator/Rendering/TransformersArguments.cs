using System.Collections.Immutable;
using Preset = Kaito.Core.Workspaces.InferenceWorkload.Preset;

namespace Kaito.Operator.Rendering;

/// <summary>PURE: the command line of upstream's transformers server, one list element per argument.</summary>
internal static class TransformersArguments
{
    /// <summary>The launcher, then the program and its flags, sorted.</summary>
    public static ImmutableArray<string> Of(Preset preset, UpstreamOptions options)
    {
        var flags = new SortedDictionary<string, string>(
            preset.Model.TransformersArguments ?? ImmutableSortedDictionary<string, string>.Empty, StringComparer.Ordinal)
        {
            ["served_model_name"] = preset.Name,
            ["pretrained_model_name_or_path"] = options.LocalWeights ?? preset.Model.Repository,
            ["allow_remote_files"] = "",
        };
        if (options.LocalWeights is not null)
        {
            flags.Remove("allow_remote_files");
        }

        if (preset.Dtype is { } dtype)
        {
            flags["torch_dtype"] = dtype;
        }

        return
        [
            "accelerate", "launch", "--num_processes=1", "--num_machines=1", "--machine_rank=0", "--gpu_ids=all",
            "/workspace/tfs/inference_api.py",
            .. flags.Select(static f => f.Value.Length == 0 ? $"--{f.Key}" : $"--{f.Key}={VllmArguments.Literal(f.Value)}"),
        ];
    }
}
