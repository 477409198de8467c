using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Kaito.Core.Api;

namespace Kaito.Core.Workspaces;

/// <summary>One text for one desired state; equal to upstream's for presets.</summary>
public static class WorkspaceHash
{
    private const int RevisionNameLength = 5;

    private static readonly WorkspaceJson s_json = new(
        new JsonSerializerOptions(WorkspaceJson.Default.Options)
        {
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        });

    /// <summary>SHA-256 of resource, inference and tuning, in 64 lower-case hexadecimal digits.</summary>
    /// <remarks>Annotations and labels do not count. An absent part counts as <c>null</c>.</remarks>
    public static string Of(WorkspaceResource workspace)
    {
        var inference = workspace.Inference is { } spec ? spec with { Preset = WithOptions(spec.Preset) } : null;
        var tuning = workspace.Tuning is { } job ? job with { Preset = WithOptions(job.Preset) } : null;
        var text = new StringBuilder()
            .Append(
                workspace.Resource is null ? "null" : JsonSerializer.Serialize(workspace.Resource, s_json.ResourceSpec))
            .Append('\n')
            .Append(inference is null ? "null" : JsonSerializer.Serialize(inference, s_json.InferenceSpec))
            .Append('\n')
            .Append(tuning is null ? "null" : JsonSerializer.Serialize(tuning, s_json.TuningSpec))
            .Append('\n')
            .Replace("<", "\\u003c").Replace(">", "\\u003e").Replace("&", "\\u0026");
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }

    /// <summary>Name of the ControllerRevision of a desired state, e.g. <c>ws-79481</c>.</summary>
    public static string RevisionName(string workspace, string hash) => $"{workspace}-{hash[..RevisionNameLength]}";

    // Upstream writes the options of a preset even when they are empty.
    private static PresetSpec? WithOptions(PresetSpec? preset) =>
        preset is null ? null : preset with { PresetOptions = preset.PresetOptions ?? new() };
}
