// The [Field] texts document these records: they are what `kubectl explain` prints.
#pragma warning disable CS1591
using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Kaito.Core.Kubernetes;

namespace Kaito.Core.Api;

/// <summary>
/// A Workspace as the user writes it, in the shape of v1beta1. There is no <c>spec</c>: <c>resource</c>, <c>inference</c>
/// and <c>tuning</c> are members of the root. v1alpha1 serves the same members, so that reading an object in one version
/// and writing it back in the other loses nothing.
/// </summary>
[Field("A GPU node group and the one thing it does: serve a model, or tune one.")]
[Rule("has(self.inference) == has(oldSelf.inference)", "Inference field cannot be toggled once set")]
[Rule("has(self.tuning) == has(oldSelf.tuning)", "Tuning field cannot be toggled once set")]
public sealed record WorkspaceResource : IKubeObject
{
    public const string Group = "kaito.sh";

    public const string KindName = "Workspace";

    public const string Plural = "workspaces";

    public const string V1Beta1 = "kaito.sh/v1beta1";

    public const string V1Alpha1 = "kaito.sh/v1alpha1";

    private static readonly ObjectMeta s_noMetadata = new();

    // Members of a list carry neither apiVersion nor kind, and the generated reader sets absent init members to null.
    public string ApiVersion { get => field ?? V1Beta1; init; }

    public string Kind { get => field ?? KindName; init; }

    public ObjectMeta Metadata { get => field ?? s_noMetadata; init; }

    [Field("The nodes that the workload needs.")]
    public ResourceSpec? Resource { get; init; }

    // Here and not on the members: an InferenceSet may change them.
    [Field("Serves a model. Exactly one of inference and tuning is set.")]
    [Rule("has(self.preset) == has(oldSelf.preset)", "preset: " + RuleAttribute.Immutable)]
    [Rule("!has(self.preset) || !has(oldSelf.preset) || self.preset == oldSelf.preset", "preset: " + RuleAttribute.Immutable)]
    [Rule("has(self.template) == has(oldSelf.template)", "template cannot be set or unset after creation")]
    public InferenceSpec? Inference { get; init; }

    [Field("Tunes a model. Exactly one of inference and tuning is set.")]
    public TuningSpec? Tuning { get; init; }

    [Field("What the operator last observed.")]
    public WorkspaceStatus? Status { get; init; }

    /// <summary>Why the object could not be read, only its metadata; null when all of it was.</summary>
    [JsonIgnore]
    public FieldError? Unreadable { get; init; }
}

[Rule(
    "!has(oldSelf.instanceType) || oldSelf.instanceType == '' || !has(self.instanceType) || self.instanceType == '' "
    + "|| self.instanceType == oldSelf.instanceType",
    "instanceType cannot be changed once set")]
[Rule("has(self.partition) == has(oldSelf.partition)", "partition: " + RuleAttribute.Immutable)]
public sealed record ResourceSpec
{
    [Field(
        "Number of nodes. Deprecated: the number of nodes of a preset is computed from the model and the instance "
        + "type; it is used for a template, and for a preset whose runtime is named and is not vllm. Immutable.",
        Default = "1")]
    [Rule(RuleAttribute.Unchanged, RuleAttribute.Immutable)]
    public int? Count { get; init; }

    [Field(
        "Cloud instance type of the nodes, e.g. Standard_NC24ads_A100_v4. Upper and lower case are the same. "
        + "Required when nodes are provisioned, empty when existing nodes are used. Immutable.",
        AlphaDefault = "\"Standard_NC24ads_A100_v4\"")]
    public string? InstanceType { get; init; }

    [Field(
        "Labels of the nodes: matchLabels, or matchExpressions with operator In and exactly one value. Immutable.",
        Required = true)]
    [Rule(RuleAttribute.Unchanged, RuleAttribute.Immutable)]
    public LabelSelector? LabelSelector { get; init; }

    [Field(
        "Names of nodes that may be used although they lack the labels. Deprecated: label the nodes.")]
    public ImmutableArray<string>? PreferredNodes { get; init; }

    [Field(
        "Instance types to ask for when the cloud has no capacity or quota for instanceType, first choice first. Each has "
        + "as many GPUs. A field of Kaito.NET.")]
    public ImmutableArray<string>? FallbackInstanceTypes { get; init; }

    [Field("The part of a node's GPUs that each replica uses. Only with existing nodes. Immutable.")]
    [Rule(RuleAttribute.Unchanged, RuleAttribute.Immutable)]
    public PartitionSpec? Partition { get; init; }
}

public sealed record PartitionSpec
{
    [Field(
        "mig: a slice of one GPU; accelerator: some whole GPUs of the node.",
        Required = true, Enum = ["mig", "accelerator"])]
    public string? Mode { get; init; }

    [Field("MIG profile, e.g. 1g.10gb. Only with mode mig.")]
    public string? Profile { get; init; }

    [Field("Number of whole GPUs. Only with mode accelerator.", Minimum = 1)]
    public int? Count { get; init; }
}

[Field("Selects objects by their labels; all requirements must hold.")]
public sealed record LabelSelector
{
    [Field("Labels that must have exactly these values.")]
    public ImmutableSortedDictionary<string, string>? MatchLabels { get; init; }

    [Field("Further requirements.")]
    public ImmutableArray<LabelSelectorRequirement>? MatchExpressions { get; init; }
}

public sealed record LabelSelectorRequirement
{
    [Field("The label.", Required = true)]
    public string? Key { get; init; }

    [Field("In, NotIn, Exists or DoesNotExist.", Required = true)]
    public string? Operator { get; init; }

    [Field("Values for In and NotIn; empty otherwise.")]
    public ImmutableArray<string>? Values { get; init; }
}

public sealed record InferenceSpec
{
    [Field("A model that KAITO knows how to serve. Exactly one of preset and template is set. Immutable.")]
    public PresetSpec? Preset { get; init; }

    [Field("A pod template to run instead of a preset.")]
    public JsonElement? Template { get; init; }

    [Field("Name of a ConfigMap in the Workspace's namespace with the key inference_config.yaml.")]
    public string? Config { get; init; }

    [Field(
        "What serves the model: onnx (this project's host on ONNX Runtime), vllm, or huggingface, also written "
        + "transformers. Wins over the annotation kaito.sh/runtime. Empty: onnx where one node holds the model, vllm "
        + "otherwise.",
        Enum = ["onnx", "vllm", "huggingface", "transformers"])]
    public string? Runtime { get; init; }

    [Field(
        "Number of pods that serve the model side by side behind the Service, each on a node of its own. An addition to "
        + "upstream's API, for runtimes onnx and huggingface. Empty: resource.count where the runtime is named, 1 otherwise.",
        Minimum = 1)]
    public int? Replicas { get; init; }

    [Field("Adapters that the model serves beside its own weights, at most 10.")]
    public ImmutableArray<AdapterSpec>? Adapters { get; init; }
}

public sealed record PresetSpec
{
    [Field(
        "A preset name such as phi-4-mini-instruct, or a Hugging Face repository such as microsoft/phi-4.",
        Required = true)]
    public string? Name { get; init; }

    [Field("Deprecated: ignored.", Default = "\"public\"", Enum = ["public", "private"])]
    public string? AccessMode { get; init; }

    [Field("How to get the model.")]
    public PresetOptions? PresetOptions { get; init; }
}

public sealed record PresetOptions
{
    [Field("Image of the model. Deprecated: ignored.")]
    public string? Image { get; init; }

    [Field("Secrets to pull the image with. Deprecated: ignored.")]
    public ImmutableArray<string>? ImagePullSecrets { get; init; }

    [Field("Name of a Secret in the Workspace's namespace with the key HF_TOKEN.")]
    public string? ModelAccessSecret { get; init; }

    [Field(
        "Hugging Face repository to take in place of the one that the preset's name stands for; the name is then what "
        + "clients call the model. An addition to upstream's API.")]
    public string? ModelId { get; init; }

    [Field(
        "Type of the weights in memory, for runtimes vllm and huggingface; empty for the preset's. An addition to "
        + "upstream's API.",
        Enum = ["auto", "bfloat16", "float16", "float32"])]
    public string? TorchDtype { get; init; }
}

public sealed record AdapterSpec
{
    [Field("Where the adapter comes from.")]
    public DataSource? Source { get; init; }

    [Field("Weight of the adapter, a decimal number from 0 to 1; 1.0 when absent.")]
    public string? Strength { get; init; }
}

[Rule("has(self.preset) == has(oldSelf.preset)", "preset cannot be changed")]
[Rule("has(self.method) == has(oldSelf.method)", "method cannot be changed")]
public sealed record TuningSpec
{
    [Field("The model to tune. Immutable.")]
    [Rule(RuleAttribute.Unchanged, "preset cannot be changed")]
    public PresetSpec? Preset { get; init; }

    [Field("lora or qlora. Immutable.")]
    [Rule("self.lowerAscii() == oldSelf.lowerAscii()", "method cannot be changed")]
    public string? Method { get; init; }

    [Field("Name of a ConfigMap in the Workspace's namespace with the key training_config.yaml.")]
    public string? Config { get; init; }

    [Field("The data set.", Required = true)]
    [Rule(
        "has(self.name) == has(oldSelf.name) && (!has(self.name) || self.name == oldSelf.name)",
        "name cannot be changed once set")]
    public DataSource? Input { get; init; }

    [Field("Where the adapter goes.", Required = true)]
    public DataDestination? Output { get; init; }
}

public sealed record DataSource
{
    [Field("Name of the data set or the adapter.")]
    public string? Name { get; init; }

    [Field("Files to download.")]
    public ImmutableArray<string>? Urls { get; init; }

    [Field("A volume that holds the data, in the shape of a pod's volume source.")]
    public JsonElement? VolumeSource { get; init; }

    [Field("Another name of volumeSource, which older documents use.")]
    public JsonElement? Volume { get; init; }

    [Field("A container image that holds the data.")]
    public string? Image { get; init; }

    [Field("Secrets to pull the image with.")]
    public ImmutableArray<string>? ImagePullSecrets { get; init; }
}

public sealed record DataDestination
{
    [Field("A volume that receives the data, in the shape of a pod's volume source.")]
    public JsonElement? VolumeSource { get; init; }

    [Field("Another name of volumeSource, which older documents use.")]
    public JsonElement? Volume { get; init; }

    [Field("The container image to push.")]
    public string? Image { get; init; }

    [Field("Name of the Secret to push the image with.")]
    public string? ImagePushSecret { get; init; }
}

public sealed record WorkspaceStatus
{
    [Field("Names of the nodes in use, sorted.")]
    public ImmutableArray<string>? WorkerNodes { get; init; }

    [Field("Pending, Ready, NotReady, Running, Succeeded or Failed.")]
    public string? State { get; init; }

    [Field("What the operator observed, one condition of each type.")]
    public ImmutableArray<Condition>? Conditions { get; init; }

    [Field("Number of nodes that the workload needs.")]
    public int? TargetNodeCount { get; init; }

    [Field("Results of the start-up benchmark.")]
    public PerformanceStatus? Performance { get; init; }
}

public sealed record PerformanceStatus
{
    [Field("Results by name.")]
    public ImmutableSortedDictionary<string, PerformanceMetric>? Metrics { get; init; }
}

public sealed record PerformanceMetric
{
    [Field("What was measured.", Required = true)]
    public string? Description { get; init; }

    [Field("The result, a decimal number.", Required = true)]
    public string? Value { get; init; }

    [Field("Unit of the value.")]
    public string? Unit { get; init; }

    [Field("Settings that the measurement was taken with.")]
    public ImmutableSortedDictionary<string, string>? Config { get; init; }
}
