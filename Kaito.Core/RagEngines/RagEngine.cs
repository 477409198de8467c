using System.Collections.Immutable;
using Kaito.Core.Hardware;

namespace Kaito.Core.RagEngines;

/// <summary>A RAGEngine that passed every check. Only <see cref="RagEngineParser"/> makes one.</summary>
public sealed record RagEngine
{
    /// <summary>An RFC 1123 label.</summary>
    public required string Name { get; init; }

    /// <summary>Namespace of the RAGEngine and of everything made for it.</summary>
    public required string Namespace { get; init; }

    /// <summary>The object's uid; empty when it was not read from a cluster.</summary>
    public string Uid { get; init; } = "";

    /// <summary>The generation that was parsed; 0 when it was not read from a cluster.</summary>
    public long Generation { get; init; }

    /// <summary>The node of the service; <see langword="null"/> for any node, without a GPU.</summary>
    public RagCompute? Compute { get; init; }

    /// <summary>What turns text into vectors.</summary>
    public required Embedding Embedding { get; init; }

    /// <summary>A volume for the index; <see langword="null"/> for none.</summary>
    public RagVolume? Volume { get; init; }

    /// <summary>The vector database; <see langword="null"/> for the embedded one.</summary>
    public VectorDatabase? VectorDatabase { get; init; }

    /// <summary>The model that answers; <see langword="null"/> where the service only retrieves.</summary>
    public AnsweringModel? Model { get; init; }

    /// <summary>Name of the ConfigMap with <c>guardrails.yaml</c>, empty for the operator's default; null when off.</summary>
    public string? Guardrails { get; init; }

    /// <summary>The Service gets an address outside the cluster.</summary>
    public bool LoadBalancer { get; init; }

    /// <summary><c>ubuntu</c> or <c>azurelinux</c>; <see langword="null"/> for the operator's own choice.</summary>
    public string? NodeImageFamily { get; init; }

    /// <summary>Sentences about what was accepted and has no effect, for the user to read.</summary>
    public ImmutableArray<string> Warnings { get; init; } = [];
}

/// <summary>The node that a RAGEngine runs on.</summary>
/// <param name="Sku">The instance type; without GPUs where the table lacks it. <see langword="null"/> for existing nodes.</param>
/// <param name="Labels">The user's labels without reserved keys.</param>
public sealed record RagCompute(GpuSku? Sku, ImmutableSortedDictionary<string, string> Labels);

/// <summary>What turns text into vectors.</summary>
public abstract record Embedding
{
    private Embedding()
    {
    }

    /// <summary>A service.</summary>
    /// <param name="Url">An absolute http or https address.</param>
    /// <param name="AccessSecret">Name of a Secret; <see langword="null"/> for none.</param>
    public sealed record Remote(Uri Url, string? AccessSecret) : Embedding;

    /// <summary>A model of Hugging Face, inside the service.</summary>
    /// <param name="ModelId">The repository.</param>
    /// <param name="AccessSecret">Name of a Secret with HF_TOKEN; <see langword="null"/> for none.</param>
    public sealed record Model(string ModelId, string? AccessSecret) : Embedding;

    /// <summary>A model in an image, inside the service.</summary>
    /// <param name="Reference">The image, with its tag.</param>
    /// <param name="PullSecret">Name of a Secret; <see langword="null"/> for none.</param>
    public sealed record Image(string Reference, string? PullSecret) : Embedding;
}

/// <summary>A volume for the index.</summary>
/// <param name="Claim">Name of a PersistentVolumeClaim.</param>
/// <param name="MountPath">An absolute path.</param>
public sealed record RagVolume(string Claim, string MountPath);

/// <summary>A vector database outside the service.</summary>
/// <param name="Engine">Its kind, in lower case, e.g. <c>qdrant</c>.</param>
/// <param name="Url">An absolute http or https address.</param>
/// <param name="AccessSecret">Name of a Secret; <see langword="null"/> for none.</param>
public sealed record VectorDatabase(string Engine, Uri Url, string? AccessSecret);

/// <summary>The model that answers.</summary>
/// <param name="Url">An absolute http or https address; <see langword="null"/> where the service only retrieves.</param>
/// <param name="AccessSecret">Name of a Secret; <see langword="null"/> for none.</param>
/// <param name="ContextTokens">Tokens that the model's context holds, at least 1.</param>
public sealed record AnsweringModel(Uri? Url, string? AccessSecret, int ContextTokens);
