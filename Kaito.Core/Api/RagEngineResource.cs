// The [Field] texts document these records: they are what `kubectl explain` prints.
#pragma warning disable CS1591
using System.Collections.Immutable;
using Kaito.Core.Kubernetes;

namespace Kaito.Core.Api;

/// <summary>
/// A RAGEngine as the user writes it. The record holds the members of both versions: v1alpha1 keeps its storage flat in
/// <c>spec.storage</c> and names two Services, v1beta1 nests storage by kind. Both versions serve all of them, so that
/// reading an object in one version and writing it back in the other loses nothing.
/// </summary>
[Field("A retrieval service: it indexes documents and answers questions with them in the model's context.")]
public sealed record RagEngineResource : IKubeObject
{
    public const string KindName = "RAGEngine";

    public const string Plural = "ragengines";

    private static readonly ObjectMeta s_noMetadata = new();

    public string ApiVersion { get => field ?? WorkspaceResource.V1Beta1; init; }

    public string Kind { get => field ?? KindName; init; }

    public ObjectMeta Metadata { get => field ?? s_noMetadata; init; }

    [Field("What the service shall be.")]
    [Rule("has(self.compute) == has(oldSelf.compute)", "compute cannot be added or removed after creation")]
    public RagEngineSpec? Spec { get; init; }

    [Field("What the operator last observed.")]
    public RagEngineStatus? Status { get; init; }
}

public sealed record RagEngineSpec
{
    [Field("The nodes of the service. Absent: any node, without a GPU.")]
    public ResourceSpec? Compute { get; init; }

    [Field("Where the index is kept. Absent: in the pod, and lost with it.")]
    public RagStorage? Storage { get; init; }

    [Field("What turns text into vectors.", Required = true)]
    public EmbeddingSpec? Embedding { get; init; }

    [Field("The model that answers.")]
    public InferenceServiceSpec? InferenceService { get; init; }

    [Field("Rules that answers must keep.")]
    public GuardrailsSpec? Guardrails { get; init; }

    [Field("Name of the Service for questions. v1alpha1 only; has no effect.")]
    public string? QueryServiceName { get; init; }

    [Field("Name of the Service for indexing. v1alpha1 only; has no effect.")]
    public string? IndexServiceName { get; init; }
}

public sealed record RagStorage
{
    [Field("A volume claim for the index.")]
    public PersistentVolumeSpec? PersistentVolume { get; init; }

    [Field("A vector database outside the service.")]
    public VectorDbSpec? VectorDB { get; init; }

    [Field("Name of a PersistentVolumeClaim. The v1alpha1 form of persistentVolume.persistentVolumeClaim.")]
    public string? PersistentVolumeClaim { get; init; }

    [Field("Where the volume is mounted. The v1alpha1 form of persistentVolume.mountPath.")]
    public string? MountPath { get; init; }
}

public sealed record PersistentVolumeSpec
{
    [Field("Name of a PersistentVolumeClaim in the RAGEngine's namespace.", Required = true)]
    public string? PersistentVolumeClaim { get; init; }

    [Field("Where the volume is mounted; /mnt/data when absent.")]
    public string? MountPath { get; init; }
}

public sealed record VectorDbSpec
{
    [Field("Kind of the database, e.g. qdrant.", Required = true)]
    public string? Engine { get; init; }

    [Field("Address of the database.", Required = true)]
    public string? Url { get; init; }

    [Field("Name of a Secret with the credentials.")]
    public string? AccessSecret { get; init; }
}

public sealed record EmbeddingSpec
{
    [Field("An embedding service. Exactly one of remote and local is set.")]
    public RemoteEmbedding? Remote { get; init; }

    [Field("A model that runs inside the service. Exactly one of remote and local is set.")]
    public LocalEmbedding? Local { get; init; }
}

public sealed record RemoteEmbedding
{
    [Field("Address of the service.", Required = true)]
    public string? Url { get; init; }

    [Field("Name of a Secret with the credentials.")]
    public string? AccessSecret { get; init; }
}

public sealed record LocalEmbedding
{
    [Field("Container image that holds the model. Exactly one of image and modelID is set.")]
    public string? Image { get; init; }

    [Field("Name of the Secret to pull the image with.")]
    public string? ImagePullSecret { get; init; }

    [Field("Hugging Face repository of the model, e.g. BAAI/bge-small-en-v1.5.")]
    public string? ModelID { get; init; }

    [Field("Name of a Secret with the key HF_TOKEN.")]
    public string? ModelAccessSecret { get; init; }
}

public sealed record InferenceServiceSpec
{
    [Field("Address of an OpenAI-compatible chat endpoint. Absent: the service retrieves and does not answer.")]
    public string? Url { get; init; }

    [Field("Name of a Secret with the credentials.")]
    public string? AccessSecret { get; init; }

    [Field("Tokens that the model's context holds.", Required = true)]
    public int? ContextWindowSize { get; init; }
}

public sealed record GuardrailsSpec
{
    [Field("Whether answers are checked.")]
    public bool? Enabled { get; init; }

    [Field("The ConfigMap with the rules. Absent: the operator's default rules.")]
    public ConfigMapName? ConfigMapRef { get; init; }
}

public sealed record ConfigMapName
{
    [Field("Name of a ConfigMap in the RAGEngine's namespace with the key guardrails.yaml.", Required = true)]
    public string? Name { get; init; }
}

public sealed record RagEngineStatus
{
    [Field("Names of the nodes in use, sorted.")]
    public ImmutableArray<string>? WorkerNodes { get; init; }

    [Field("What the operator observed, one condition of each type.")]
    public ImmutableArray<Condition>? Conditions { get; init; }
}
