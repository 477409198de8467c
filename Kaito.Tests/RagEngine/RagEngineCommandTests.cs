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
