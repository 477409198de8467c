using Kaito.RagEngine;

namespace Kaito.Tests.RagEngine;

public sealed class RagEngineCommandTests
{
    [Fact]
    public void Parse_Nothing_ServesRetrievalOnLoopbackWithoutAModel()
    {
        var options = Valid([]);

        Assert.Equal("http://127.0.0.1:5000", options.Urls);
        Assert.Equal(StoreKind.Embedded, options.Store);
        Assert.IsType<EmbeddingSource.BuiltIn>(options.Embedding);
        Assert.Null(options.Model);
        Assert.Equal("storage", options.PersistFolder);
        Assert.EndsWith(Path.Combine("storage", ".live"), options.LiveFolder, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_InAPod_ListensToTheService() =>
        Assert.Equal("http://*:5000", Valid([("KUBERNETES_SERVICE_HOST", "10.0.0.1")]).Urls);

    [Theory]
    [InlineData("LOCAL_EMBEDDING_MODEL_ID", "EMBEDDING_SOURCE_TYPE")]
    [InlineData("MODEL_ID", "EMBEDDING_TYPE")]
    public void Parse_EitherFamilyOfNames_NamesTheLocalModel(string model, string kind)
    {
        var options = Valid([(model, "intfloat/e5-small"), (kind, "Local")]);

        Assert.Equal("intfloat/e5-small", Assert.IsType<EmbeddingSource.Local>(options.Embedding).Model);
    }

    [Theory]
    [InlineData("http://e/embedding", EmbeddingDialect.Inputs)]
    [InlineData("http://e/v1/embeddings", EmbeddingDialect.OpenAI)]
    public void Parse_RemoteEmbedding_DialectFollowsThePath(string url, object dialect)
    {
        var options = Valid([("EMBEDDING_SOURCE_TYPE", "remote"), ("REMOTE_EMBEDDING_URL", url)]);

        Assert.Equal(dialect, Assert.IsType<EmbeddingSource.Remote>(options.Embedding).Dialect);
    }

    [Theory]
    [InlineData("http://llm:80", "http://llm/v1/chat/completions")]
    [InlineData("http://llm/v1/completions", "http://llm/v1/completions")]
    public void Parse_AddressOfAServerAlone_MeansItsChatRoute(string given, string used) =>
        Assert.Equal(new(used), Valid([("LLM_INFERENCE_URL", given)]).Model!.Url);

    [Theory]
    [InlineData("VECTOR_DB_TYPE", "milvus", "Unsupported VECTOR_DB_TYPE: 'milvus'. Supported values: 'faiss', 'qdrant'")]
    [InlineData("VECTOR_DB_TYPE", "qdrant", "VECTOR_DB_URL is missing")]
    [InlineData("EMBEDDING_SOURCE_TYPE", "cloud", "Invalid Embedding Type Specified (Must be Local or Remote)")]
    [InlineData("LLM_INFERENCE_URL", "localhost", "give an http or https address")]
    [InlineData("LLM_CONTEXT_WINDOW", "many", "give a whole number from 1")]
    [InlineData("RAG_SIMILARITY_THRESHOLD", "-1", "give a number from 0 to 4")]
    [InlineData("OUTPUT_GUARDRAILS_ENABLED", "maybe", "give true or false")]
    public void Parse_WrongValue_NamesValueAndRemedy(string name, string value, string said)
    {
        Assert.False(Parse([], [(name, value)]).TryGet(out _, out var errors));
        Assert.Contains(errors, error => error.Path == name || error.Path == "VECTOR_DB_URL");
        Assert.Contains(errors, error => error.Message.Contains(said, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("http://qdrant:6334", null, "http://qdrant:6334/")]
    [InlineData("http://qdrant:6333", null, "http://qdrant:6334/")]
    [InlineData("http://qdrant", null, "http://qdrant:6334/")]
    [InlineData("https://q.example.org", null, "https://q.example.org:6334/")]
    [InlineData("http://qdrant:7000", null, "http://qdrant:7000/")]
    [InlineData("http://qdrant:6333", "7001", "http://qdrant:7001/")]
    public void Parse_AddressOfQdrant_LeadsToItsGrpcPort(string url, string? port, string used)
    {
        var options = Valid([("VECTOR_DB_TYPE", "Qdrant"), ("VECTOR_DB_URL", url), ("VECTOR_DB_GRPC_PORT", port!)]);

        Assert.Equal(new(used), options.StoreUrl);
    }

    [Theory]
    [InlineData("VECTOR_DB_URL", "http://qdrant:6334/api", "give scheme, host and port")]
    [InlineData("VECTOR_DB_URL", "http://me:secret@qdrant:6334", "give scheme, host and port")]
    [InlineData("VECTOR_DB_PREFIX", "a/b", "give up to 32 letters")]
    [InlineData("VECTOR_DB_CERTIFICATE_SHA256", "abc", "give the 64 hexadecimal digits")]
    [InlineData("VECTOR_DB_TIMEOUT_SECONDS", "0", "give a whole number from 1")]
    [InlineData("VECTOR_DB_GRPC_PORT", "70000", "give a whole number from 1")]
    public void Parse_WrongSettingOfQdrant_NamesTheRemedy(string name, string value, string said)
    {
        (string, string)[] variables = [("VECTOR_DB_TYPE", "qdrant"), ("VECTOR_DB_URL", "http://qdrant"), (name, value)];

        Assert.False(Parse([], [.. variables.Reverse().DistinctBy(static v => v.Item1)]).TryGet(out _, out var errors));
        Assert.Contains(said, Assert.Single(errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_CommandLine_WinsOverEnvironment()
    {
        Assert.True(Parse(["--urls", "http://127.0.0.1:7", "--rag-max-top-k=9"], [("RAG_MAX_TOP_K", "8")])
            .TryGet(out var options, out _));
        Assert.Equal(("http://127.0.0.1:7", 9), (options.Urls, options.MostResults));
    }

    [Fact]
    public void Parse_OptionWithoutValue_IsRefused() => Assert.False(Parse(["--urls"], []).TryGet(out _, out _));

    private static RagEngineOptions Valid((string Name, string Value)[] variables) =>
        Parse([], variables).TryGet(out var options, out var errors)
            ? options
            : throw new InvalidOperationException(errors[0].Message);

    private static Kaito.Core.Validated<RagEngineOptions> Parse(string[] args, (string Name, string Value)[] variables) =>
        RagEngineCommand.Parse(args, variables.ToDictionary(static v => v.Name, static v => v.Value).GetValueOrDefault);
}
