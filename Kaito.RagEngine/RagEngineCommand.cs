using System.Collections.Immutable;
using Kaito.Core;

namespace Kaito.RagEngine;

/// <summary>Reads the environment by upstream's names, by those of upstream's controller, and by our own.</summary>
internal static class RagEngineCommand
{
    private const string NoSecret = "default-access-secret";
    private const string Model = "BAAI/bge-small-en-v1.5";
    private const int GrpcPort = 6334;
    private const int RestPort = 6333;

    /// <param name="args"><c>--name value</c> or <c>--name=value</c>: a variable in lower case with dashes.</param>
    /// <param name="environment">Reads one variable.</param>
    public static Validated<RagEngineOptions> Parse(IReadOnlyList<string> args, Func<string, string?> environment)
    {
        var found = ImmutableArray.CreateBuilder<FieldError>();
        var read = new Settings(Named(args, found), environment, found);
        var persist = read.Text("DEFAULT_VECTOR_DB_PERSIST_DIR") ?? "storage";
        var kind = Store(read);
        var options = new RagEngineOptions
        {
            Urls = Urls(read),
            PersistFolder = persist,
            LiveFolder = Path.GetFullPath(read.Text("RAG_DATA_DIR") ?? Path.Combine(persist, ".live")),
            Store = kind,
            StoreUrl = kind == StoreKind.Qdrant ? QdrantUrl(read) : null,
            StoreKey = read.Text("VECTOR_DB_ACCESS_SECRET"),
            StoreCertificate = Certificate(read),
            StorePrefix = Prefix(read),
            StoreTimeout = TimeSpan.FromSeconds(read.Whole("VECTOR_DB_TIMEOUT_SECONDS", 30, 1, 600)),
            Embedding = Embedding(read),
            Model = read.Address("LLM_INFERENCE_URL") is { } url
                ? new(Route(url), read.Text("LLM_ACCESS_SECRET") ?? NoSecret)
                : null,
            ContextTokens = read.Whole("LLM_CONTEXT_WINDOW", 1, int.MaxValue),
            SimilarityThreshold = read.Number("RAG_SIMILARITY_THRESHOLD", 0, 4),
            ContextFill = read.Number("RAG_CONTEXT_TOKEN_FILL_RATIO", 0.5, 0, 1),
            PassageTokens = read.Number("RAG_DOCUMENT_NODE_TOKEN_APPROXIMATION", 500, 1, 1e9),
            MostResults = read.Whole("RAG_MAX_TOP_K", 300, 1, 10_000),
            GuardrailsEnabled = read.Flag("OUTPUT_GUARDRAILS_ENABLED", false),
            GuardrailsPolicy = read.Text("OUTPUT_GUARDRAILS_POLICY_PATH") ?? "",
            GuardrailsReload = read.Flag("OUTPUT_GUARDRAILS_HOT_RELOAD_ENABLED", true),
            ApiKeys = [.. (read.Text("RAG_API_KEY") ?? "")
                .Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)],
            MostBodyBytes = read.Whole("RAG_MAX_BODY_BYTES", 64 << 20, 1024, int.MaxValue),
            MostDocuments = read.Whole("RAG_MAX_DOCUMENTS", 10_000, 1, 1_000_000),
            MostIndexBytes = (long?)read.Number("RAG_MAX_INDEX_BYTES", 1 << 20, 1e15),
            MostChats = read.Whole("RAG_MAX_CHATS", 64, 1, 4096),
            ModelTimeout = TimeSpan.FromSeconds(read.Whole("LLM_TIMEOUT_SECONDS", 300, 1, 3600)),
            UpstreamLimits = read.Flag("RAG_UPSTREAM_LIMITS", false),
            Diversify = read.Flag("RAG_DIVERSIFY", false),
            Reranking = read.Text("RAG_RERANK_MODEL") is { } judge
                ? new(judge, Models(read), read.Whole("RAG_RERANK_CANDIDATES", 20, 1, 200))
                : null,
            Version = read.Text("VERSION") ?? "dev",
        };
        return found.Count > 0 ? found.ToImmutable() : options;
    }

    // The address of a server alone means its route for chats.
    private static Uri Route(Uri url) => url.AbsolutePath == "/" ? new(url, "/v1/chat/completions") : url;

    // In a pod the Service must reach it; elsewhere nobody but this machine needs to.
    private static string Urls(Settings read) => read.Text("ASPNETCORE_URLS")
        ?? (read.Text("HTTP_PORTS") is { } port ? $"http://*:{port}"
            : read.Text("KUBERNETES_SERVICE_HOST") is null ? "http://127.0.0.1:5000" : "http://*:5000");

    private static StoreKind Store(Settings read)
    {
        switch (read.Text("VECTOR_DB_TYPE")?.ToLowerInvariant())
        {
            case null or "faiss" or "sqlite":
                return StoreKind.Embedded;
            case "qdrant":
                return StoreKind.Qdrant;
            default:
                read.Refuse(
                    "VECTOR_DB_TYPE",
                    $"Unsupported VECTOR_DB_TYPE: '{read.Text("VECTOR_DB_TYPE")}'. Supported values: 'faiss', 'qdrant'");
                return StoreKind.Embedded;
        }
    }

    private static Uri? QdrantUrl(Settings read)
    {
        if (read.Text("VECTOR_DB_URL") is null)
        {
            read.Refuse("VECTOR_DB_URL", "VECTOR_DB_URL is missing; with VECTOR_DB_TYPE=qdrant give the server's address.");
        }

        if (read.Address("VECTOR_DB_URL") is not { } url)
        {
            return null;
        }

        if (url.PathAndQuery != "/" || url.UserInfo.Length > 0)
        {
            read.Refuse(
                "VECTOR_DB_URL", "VECTOR_DB_URL has a path or a user; give scheme, host and port, as http://qdrant:6334.");
        }

        // Upstream's clients speak REST, so their addresses name its port, or none.
        var grpc = read.Whole("VECTOR_DB_GRPC_PORT", GrpcPort, 1, 65535);
        return read.Text("VECTOR_DB_GRPC_PORT") is not null || url.IsDefaultPort || url.Port == RestPort
            ? new UriBuilder(url.Scheme, url.Host, grpc).Uri
            : url;
    }

    private static string? Certificate(Settings read)
    {
        var given = read.Text("VECTOR_DB_CERTIFICATE_SHA256")?.Replace(":", "", StringComparison.Ordinal);
        if (given is not null && (given.Length != 64 || !given.All(char.IsAsciiHexDigit)))
        {
            read.Refuse(
                "VECTOR_DB_CERTIFICATE_SHA256",
                "VECTOR_DB_CERTIFICATE_SHA256 is no SHA-256; give the 64 hexadecimal digits of the certificate's fingerprint.");
        }

        return given;
    }

    private static string Prefix(Settings read)
    {
        var prefix = read.Text("VECTOR_DB_PREFIX") ?? "kaito-";
        if (prefix.Length > 32 || !prefix.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
        {
            read.Refuse(
                "VECTOR_DB_PREFIX", $"VECTOR_DB_PREFIX is {prefix}; give up to 32 letters, digits, dots, dashes or underscores.");
        }

        return prefix;
    }

    private static EmbeddingSource Embedding(Settings read)
    {
        // Upstream's service reads the first name, upstream's controller writes the second.
        switch ((read.Text("EMBEDDING_SOURCE_TYPE") ?? read.Text("EMBEDDING_TYPE"))?.ToLowerInvariant())
        {
            case null when read.Text("LOCAL_EMBEDDING_MODEL_ID") is null:
            case "builtin" or "built-in":
                return new EmbeddingSource.BuiltIn();
            case null or "local":
                return new EmbeddingSource.Local(
                    read.Text("LOCAL_EMBEDDING_MODEL_ID") ?? read.Text("MODEL_ID") ?? Model, Models(read));
            case "remote":
                return Remote(read);
            default:
                read.Refuse(
                    "EMBEDDING_SOURCE_TYPE",
                    "Invalid Embedding Type Specified (Must be Local or Remote); builtin needs no model.");
                return new EmbeddingSource.BuiltIn();
        }
    }

    private static string Models(Settings read) => Path.GetFullPath(read.Text("RAG_MODELS_DIR") ?? "models");

    private static EmbeddingSource.Remote Remote(Settings read)
    {
        var url = read.Address("REMOTE_EMBEDDING_URL") ?? new Uri("http://localhost:5000/embedding");
        var usual = url.AbsolutePath.EndsWith("/embeddings", StringComparison.Ordinal) ? "openai" : "inputs";
        var dialect = read.Text("REMOTE_EMBEDDING_DIALECT") ?? usual;
        if (dialect is not ("openai" or "inputs"))
        {
            read.Refuse("REMOTE_EMBEDDING_DIALECT", $"REMOTE_EMBEDDING_DIALECT is {dialect}; give openai or inputs.");
        }

        return new(
            url,
            read.Text("REMOTE_EMBEDDING_ACCESS_SECRET") ?? NoSecret,
            dialect == "openai" ? EmbeddingDialect.OpenAI : EmbeddingDialect.Inputs,
            read.Text("REMOTE_EMBEDDING_MODEL") ?? "default");
    }

    private static Dictionary<string, string> Named(
        IReadOnlyList<string> args, ImmutableArray<FieldError>.Builder found)
    {
        var named = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < args.Count; i++)
        {
            var (name, value) = args[i].Split('=', 2) is [var left, var right] ? (left, right) : (args[i], null);
            if (!name.StartsWith("--", StringComparison.Ordinal) || (value is null && ++i == args.Count))
            {
                found.Add(new(args[^1], "malformed", $"{name} is not an option with a value; write --name value."));
                break;
            }

            var key = name[2..].Replace('-', '_').ToUpperInvariant();
            named[key == "URLS" ? "ASPNETCORE_URLS" : key] = value ?? args[i];
        }

        return named;
    }
}
