using Kaito.Core.Contracts;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Workspaces;

/// <summary>PURE: the images that serve models, and which of them a workload runs.</summary>
internal static class ServingImages
{
    private const string UpstreamImage = "kaito-base:0.5.0";

    public static string Onnx(OperatorOptions options) =>
        $"{options.ImageRegistry}/{Images.InferenceHost}:{options.ImageTag}";

    public static string Upstream(OperatorOptions options) => $"{options.PresetRegistry}/{UpstreamImage}";

    public static string? Running(StatefulSet? workload) =>
        workload?.Spec?.Template?.Spec?.Containers?.FirstOrDefault()?.Image;

    /// <summary>
    /// Tag of the image that this operator would give the workload instead of the one that it runs; null when it runs that
    /// one, and when it runs none of ours.
    /// </summary>
    public static string? NewerTag(StatefulSet? workload, OperatorOptions options) => Running(workload) is { } running
        && new[] { Onnx(options), Upstream(options) }.FirstOrDefault(i => Program(i) == Program(running)) is { } current
        && running != current
        ? Tag(current)
        : null;

    /// <summary>Example: <c>inference-host</c> of <c>registry.example.com:5000/kaito/inference-host:1.0</c>.</summary>
    public static string Program(string image) => image[(image.LastIndexOf('/') + 1)..].Split(':', '@')[0];

    /// <summary>Empty for an image without a tag.</summary>
    public static string Tag(string image) =>
        image[(image.LastIndexOf('/') + 1)..].Split(':', 2) is [_, var tag] ? tag : "";
}
