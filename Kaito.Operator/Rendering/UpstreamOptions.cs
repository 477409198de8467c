using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Core.Workspaces;

namespace Kaito.Operator.Rendering;

/// <summary>What annotations, labels and the cluster say about a vLLM workload.</summary>
internal sealed record UpstreamOptions
{
    private const int BehindSidecar = InferenceWorkload.Port + 1;

    /// <summary>vLLM serves, not transformers.</summary>
    public bool Vllm { get; init; } = true;

    /// <summary>Image of upstream's servers.</summary>
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

    /// <summary>
    /// The API server knows what came after Kubernetes 1.20: a probe's own grace period, and what becomes of claims.
    /// </summary>
    public bool RecentServer { get; init; } = true;

    /// <summary>Decoders stand behind a sidecar that has the usual port.</summary>
    public int Port => Role == "decode" ? BehindSidecar : InferenceWorkload.Port;

    /// <summary>The pods are one server, joined by Ray; otherwise each of them is one.</summary>
    public bool Joined(Workspace workspace) => Vllm && workspace.Nodes > 1;

    /// <summary>Reads a Workspace that passed the checks.</summary>
    public static UpstreamOptions Of(WorkspaceResource resource, bool vllm, string image) => new()
    {
        Vllm = vllm,
        Image = image,
        PerformanceMode = Annotation(resource, Annotations.PerformanceMode) is "interactivity" or "throughput"
            ? Annotation(resource, Annotations.PerformanceMode)
            : null,
        Benchmark = vllm && Annotation(resource, Annotations.DisableBenchmark) != "true",
        LocalWeights = WeightsOf(resource),
        Role = resource.Metadata.Labels?.GetValueOrDefault(Labels.InferenceRole) is ("prefill" or "decode") and var role
            ? role
            : null,
    };

    /// <summary>The nodes' folder with the weights, where the user says that there is one; for every runtime.</summary>
    public static string? WeightsOf(WorkspaceResource resource) =>
        Annotation(resource, Annotations.UseLocalWeights) == "true"
            ? "/opt/kaito/models/" + resource.Inference!.Preset!.Name!.Trim().ToLowerInvariant()
                .Replace('/', '-').Replace('\\', '-')
            : null;

    private static string? Annotation(WorkspaceResource resource, string key) =>
        resource.Metadata.Annotations?.GetValueOrDefault(key);
}
