using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Catalog;
using Kaito.Core.Hardware;

namespace Kaito.Core.Workspaces;

/// <summary>What serves the model.</summary>
public enum InferenceRuntime
{
    /// <summary>Kaito.InferenceHost, on one node.</summary>
    Onnx,

    /// <summary>Upstream's vLLM image, on one node or several.</summary>
    Vllm,

    /// <summary>Upstream's transformers server, one whole model per pod.</summary>
    Transformers,
}

/// <summary>A Workspace that passed every check. Only <see cref="WorkspaceParser"/> makes one.</summary>
public sealed record Workspace
{
    /// <summary>An RFC 1123 label.</summary>
    public required string Name { get; init; }

    /// <summary>Namespace of the Workspace and of everything made for it.</summary>
    public required string Namespace { get; init; }

    /// <summary>The object's uid; empty when it was not read from a cluster.</summary>
    public string Uid { get; init; } = "";

    /// <summary>The generation that was parsed; 0 when it was not read from a cluster.</summary>
    public long Generation { get; init; }

    /// <summary>Resource of whole NVIDIA GPUs.</summary>
    public const string WholeGpus = "nvidia.com/gpu";

    /// <summary>As the cloud's table writes it, whatever case the user wrote; empty on existing nodes.</summary>
    public required string InstanceType { get; init; }

    /// <summary>What a pod finds on its node: all of the instance type, or the part that the user asked for.</summary>
    public required GpuSku Sku { get; init; }

    /// <summary>
    /// <see langword="false"/> while no existing node has told its GPUs: then neither <see cref="Sku"/> nor
    /// <see cref="Nodes"/> means anything.
    /// </summary>
    public bool GpusKnown { get; init; } = true;

    /// <summary>
    /// <see langword="false"/> while the model's repository has not been looked up: then <see cref="Nodes"/> means nothing.
    /// </summary>
    public bool ModelKnown => (Inference as InferenceWorkload.Preset)?.Model.Known ?? Tuning?.Model.Known ?? true;

    /// <summary>Resource of the node of which a pod takes <see cref="GpuSku.Gpus"/>.</summary>
    public string GpuResource { get; init; } = WholeGpus;

    /// <summary>Instance types to ask for when the cloud has none of <see cref="InstanceType"/>, in this order.</summary>
    public ImmutableArray<string> FallbackInstanceTypes { get; init; } = [];

    /// <summary>Names of nodes that may be used although they lack <see cref="NodeLabels"/>.</summary>
    public ImmutableArray<string> PreferredNodes { get; init; } = [];

    /// <summary>The user's matchLabels without reserved keys; they select and mark the nodes.</summary>
    public required ImmutableSortedDictionary<string, string> NodeLabels { get; init; }

    /// <summary>What the Workspace serves; <see langword="null"/> when it tunes a model.</summary>
    public InferenceWorkload? Inference { get; init; }

    /// <summary>The tuning job; <see langword="null"/> when the Workspace serves. Exactly one of the two is set.</summary>
    public TuningWorkload? Tuning { get; init; }

    /// <summary>Nodes that the workload needs, at least 1.</summary>
    public required int Nodes { get; init; }

    /// <summary>Disk that each node needs.</summary>
    public required ByteSize Disk { get; init; }

    /// <summary>The Service gets an address outside the cluster.</summary>
    public bool LoadBalancer { get; init; }

    /// <summary><c>ubuntu</c> or <c>azurelinux</c>; <see langword="null"/> for the cloud's own choice.</summary>
    public string? NodeImageFamily { get; init; }

    /// <summary>Karpenter's NodeClass; <see langword="null"/> for the operator's default one.</summary>
    public string? NodeClass { get; init; }

    /// <summary>
    /// Labels of the Workspace object that its pods inherit (<see cref="Labels.CreatedByInferenceSet"/>).
    /// </summary>
    public ImmutableSortedDictionary<string, string> InheritedLabels { get; init; } =
        ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>
    /// Sentences about what was accepted and has no effect, for the user to read; in the order of the fields.
    /// </summary>
    public ImmutableArray<string> Warnings { get; init; } = [];
}

/// <summary>What a Workspace serves.</summary>
public abstract record InferenceWorkload
{
    private InferenceWorkload()
    {
    }

    /// <summary>A model of the catalogue.</summary>
    /// <param name="Name">
    /// The model id that clients send: upstream's name of the model, or of the InferenceSet it serves.
    /// </param>
    /// <param name="Model">What is known of the model.</param>
    /// <param name="Runtime">What serves it.</param>
    /// <param name="RuntimeReason">A sentence that says who chose the runtime and why.</param>
    public sealed record Preset(string Name, ModelPreset Model, InferenceRuntime Runtime, string RuntimeReason)
        : InferenceWorkload
    {
        /// <summary>Name of the user's ConfigMap with engine settings; <see langword="null"/> for none.</summary>
        public string? ConfigMap { get; init; }

        /// <summary>Name of the Secret with HF_TOKEN; <see langword="null"/> for none.</summary>
        public string? AccessSecret { get; init; }

        /// <summary>Type of the weights in memory; <see langword="null"/> for the model's.</summary>
        public string? Dtype { get; init; }

        /// <summary>Adapters to serve beside the model.</summary>
        public ImmutableArray<Adapter> Adapters { get; init; } = [];
    }

    /// <summary>The user's own pod.</summary>
    /// <param name="Pod">A PodTemplateSpec as JSON text.</param>
    public sealed record Template(string Pod) : InferenceWorkload;
}

/// <summary>An adapter to serve beside a model's own weights.</summary>
/// <param name="Name">Model id that clients send.</param>
/// <param name="Source">As the user wrote it: an image or a volume.</param>
/// <param name="Strength">From 0 to 1.</param>
public sealed record Adapter(string Name, DataSource Source, double Strength);
