using System.Collections.Immutable;

namespace Kaito.RagEngine;

/// <summary>Where documents and vectors live.</summary>
internal enum StoreKind
{
    /// <summary>SQLite files of this process; upstream's <c>faiss</c>.</summary>
    Embedded,

    Qdrant,
}

/// <summary>How a remote embedding service is spoken to.</summary>
internal enum EmbeddingDialect
{
    /// <summary><c>{"inputs": "text"}</c>, answered with one flat vector.</summary>
    Inputs,

    /// <summary><c>POST /v1/embeddings</c>.</summary>
    OpenAI,
}

/// <summary>What turns texts into vectors.</summary>
internal abstract record EmbeddingSource
{
    private EmbeddingSource()
    {
    }

    /// <summary>Hashed n-grams: needs no model.</summary>
    public sealed record BuiltIn : EmbeddingSource;

    /// <param name="Model">A folder, or a repository name to look for below <paramref name="ModelsFolder"/>.</param>
    /// <param name="ModelsFolder">Holds OWNER/NAME folders.</param>
    public sealed record Local(string Model, string ModelsFolder) : EmbeddingSource;

    /// <param name="Url">Of the one route that is called.</param>
    /// <param name="Key">Sent as bearer token.</param>
    /// <param name="Dialect">What the service speaks.</param>
    /// <param name="Model">Sent as <c>model</c> in the OpenAI dialect.</param>
    public sealed record Remote(Uri Url, string Key, EmbeddingDialect Dialect, string Model) : EmbeddingSource;
}

/// <summary>A cross-encoder, which reads question and passage together.</summary>
/// <param name="Model">A folder, or a repository name to look for below <paramref name="ModelsFolder"/>.</param>
/// <param name="ModelsFolder">Holds OWNER/NAME folders.</param>
/// <param name="Candidates">Most passages that it reads for a question.</param>
internal sealed record Reranking(string Model, string ModelsFolder, int Candidates);

/// <summary>The model that answers chats.</summary>
/// <param name="Url">Of its chat completions route.</param>
/// <param name="Key">Sent as bearer token.</param>
internal sealed record AnsweringModel(Uri Url, string Key);

/// <summary>Everything that the process was told, checked.</summary>
internal sealed record RagEngineOptions
{
    /// <summary>Where to listen.</summary>
    public string Urls { get; init; } = "http://127.0.0.1:5000";

    /// <summary>Where <c>/persist</c> writes unless told otherwise; part of the answers, so kept as written.</summary>
    public string PersistFolder { get; init; } = "storage";

    /// <summary>Holds the files of the embedded store; nobody else writes there.</summary>
    public string LiveFolder { get; init; } = Path.Combine("storage", ".live");

    public StoreKind Store { get; init; }

    /// <summary>Of Qdrant, with its gRPC port; <see langword="null"/> for the embedded store.</summary>
    public Uri? StoreUrl { get; init; }

    /// <summary>Shown to Qdrant; never logged.</summary>
    public string? StoreKey { get; init; }

    /// <summary>SHA-256 of a certificate in Qdrant's chain; <see langword="null"/> to trust whom the machine trusts.</summary>
    public string? StoreCertificate { get; init; }

    /// <summary>What names of collections begin with; services with different ones do not see each other's indexes.</summary>
    public string StorePrefix { get; init; } = "kaito-";

    /// <summary>How long one call of Qdrant may take.</summary>
    public TimeSpan StoreTimeout { get; init; } = TimeSpan.FromSeconds(30);

    public EmbeddingSource Embedding { get; init; } = new EmbeddingSource.BuiltIn();

    /// <summary><see langword="null"/> to serve retrieval only.</summary>
    public AnsweringModel? Model { get; init; }

    /// <summary>
    /// Tokens that the answering model takes, prompt and answer together; <see langword="null"/> to ask its server.
    /// </summary>
    public int? ContextTokens { get; init; }

    /// <summary>
    /// Largest squared distance between unit vectors at which a passage counts as related; 0 for any,
    /// <see langword="null"/> for the embedder's own.
    /// </summary>
    public double? SimilarityThreshold { get; init; }

    /// <summary>Share of the room left by the prompt that passages may take.</summary>
    public double ContextFill { get; init; } = 0.5;

    /// <summary>Tokens of a typical passage; decides how deep chats search.</summary>
    public double PassageTokens { get; init; } = 500;

    /// <summary>Bound of <c>max_node_count</c>.</summary>
    public int MostResults { get; init; } = 300;

    public bool GuardrailsEnabled { get; init; }

    public string GuardrailsPolicy { get; init; } = "";

    public bool GuardrailsReload { get; init; } = true;

    /// <summary>Keys of which a request must show one; empty to ask for none.</summary>
    public ImmutableArray<string> ApiKeys { get; init; } = [];

    /// <summary>Bytes of a request's body.</summary>
    public int MostBodyBytes { get; init; } = 64 << 20;

    /// <summary>Documents of one request.</summary>
    public int MostDocuments { get; init; } = 10_000;

    /// <summary>Bytes of one index's file; <see langword="null"/> for as many as the disk has.</summary>
    public long? MostIndexBytes { get; init; }

    /// <summary>Chats with the answering model at a time; as many again may wait.</summary>
    public int MostChats { get; init; } = 64;

    /// <summary>How long the answering model may stay silent.</summary>
    public TimeSpan ModelTimeout { get; init; } = TimeSpan.FromSeconds(300);

    /// <summary>
    /// Refuse what upstream refuses: tools, several answers, streams over an index and under some guardrails.
    /// </summary>
    public bool UpstreamLimits { get; init; }

    /// <summary>Passages about the same thing make room for others: maximal marginal relevance.</summary>
    public bool Diversify { get; init; }

    /// <summary>Orders the best candidates once more; <see langword="null"/> for none.</summary>
    public Reranking? Reranking { get; init; }

    /// <summary>Part of the User-Agent.</summary>
    public string Version { get; init; } = "dev";
}
