using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Rendering;

/// <summary>What annotations, labels and the cluster say about a vLLM workload.</summary>
internal sealed record VllmOptions
{
    private const int BehindSidecar = InferenceWorkload.Port + 1;

    /// <summary>Image of upstream's vLLM wrapper.</summary>
    public required string Image { get; init; }

    /// <summary><c>interactivity</c> or <c>throughput</c>; null for neither.</summary>
    public string? PerformanceMode { get; init; }

    /// <summary>The start-up probe measures the model before it lets requests in.</summary>
    public bool Benchmark { get; init; } = true;

    /// <summary>Folder of the nodes with the weights; null where they are downloaded.</summary>
    public string? LocalWeights { get; init; }

    /// <summary><c>prefill</c> or <c>decode</c>; null for a model that does both.</summary>
    public string? Role { get; init; }

    /// <summary>Claims for weights on local NVMe disks; empty where a pod's own folder holds them.</summary>
    public ImmutableArray<PersistentVolumeClaimTemplate> Claims { get; init; } = [];

    /// <summary>Changes with the content of the user's ConfigMap; null when there is none.</summary>
    public string? ConfigHash { get; init; }

    /// <summary>Decoders stand behind a sidecar that has the usual port.</summary>
    public int Port => Role == "decode" ? BehindSidecar : InferenceWorkload.Port;

    /// <summary>Reads a Workspace that passed the checks.</summary>
    public static VllmOptions Of(WorkspaceResource resource, string image) => new()
    {
        Image = image,
        PerformanceMode = Annotation(resource, Annotations.PerformanceMode) is "interactivity" or "throughput"
            ? Annotation(resource, Annotations.PerformanceMode)
            : null,
        Benchmark = Annotation(resource, Annotations.DisableBenchmark) != "true",
        LocalWeights = Annotation(resource, Annotations.UseLocalWeights) == "true"
            ? "/opt/kaito/models/" + resource.Inference!.Preset!.Name!.Trim().ToLowerInvariant()
                .Replace('/', '-').Replace('\\', '-')
            : null,
        Role = resource.Metadata.Labels?.GetValueOrDefault(Labels.InferenceRole) is ("prefill" or "decode") and var role
            ? role
            : null,
    };

    private static string? Annotation(WorkspaceResource resource, string key) =>
        resource.Metadata.Annotations?.GetValueOrDefault(key);
}
