namespace Kaito.Tests.RagEngine.Retrieval;

/// <summary>The rows of upstream's test_retrieve.py, and what upstream gets wrong.</summary>
public sealed class RetrieveEndpointTests : IAsyncLifetime
{
    private RagFixture _rag = null!;

    public async ValueTask InitializeAsync() => _rag = await RagFixture.StartAsync();

    public async ValueTask DisposeAsync() => await _rag.DisposeAsync();

    [Fact]
    public async Task Retrieve_Question_HasUpstreamsFormAndTheBestFirst()
    {
        await _rag.IndexAsync(
            "i", "Paris is the capital of France.", "Bread is baked in an oven.", "The Rhine flows through Cologne.");

        var (status, body) = await _rag.PostAsync(
            "/retrieve", """{"index_name":"i","query":" What is the capital of France? ","context_token_ratio":1}""");

        Assert.Equal(200, status);
        Assert.Equal(["query", "results", "count"], body!.AsObject().Select(static m => m.Key));
        Assert.Equal(" What is the capital of France? ", (string?)body["query"]);
        Assert.Equal((int)body["count"]!, body["results"]!.AsArray().Count);
        var first = body["results"]![0]!.AsObject();
        Assert.Equal("Paris is the capital of France.", (string?)first["text"]);
        Assert.Equal(
            ["doc_id", "node_id", "text", "score", "dense_score", "sparse_score", "source", "metadata", "citation"],
            first.Select(static m => m.Key));
        Assert.Null(first["metadata"]);
        Assert.Equal("both", (string?)first["source"]);
        Assert.All(body["results"]!.AsArray(), static r => Assert.InRange((double)r!["score"]!, 0, 1));
    }

    [Fact]
    public async Task Retrieve_ManyDocuments_KeepsToMaxNodeCount()
    {
        await _rag.IndexAsync("i", [.. Enumerable.Range(0, 30).Select(static i => $"document about topic {i}")]);

        Assert.Equal(5, await CountAsync("""{"index_name":"i","query":"topic"}"""));
        Assert.Equal(12, await CountAsync("""{"index_name":"i","query":"topic","max_node_count":12}"""));
        Assert.Equal(30, await CountAsync("""{"index_name":"i","query":"topic","max_node_count":300}"""));
    }

    [Theory]
    [InlineData("""{"index_name":"none","query":" "}""", 404, "No such index: 'none' exists.")]
    [InlineData("""{"index_name":"i","query":" "}""", 400, "Query string cannot be empty.")]
    public async Task Retrieve_Refused_InUpstreamsOrderAndWords(string json, int status, string detail)
    {
        await _rag.IndexAsync("i", "text");

        var (answered, body) = await _rag.PostAsync("/retrieve", json);

        Assert.Equal((status, detail), (answered, (string?)body!["detail"]));
    }

    [Theory]
    [InlineData("0")]
    [InlineData("301")]
    [InlineData("\"many\"")]
    [InlineData("1.5")]
    public async Task Retrieve_CountOutOfBounds_IsA422(string count) => Assert.Equal(
        422, (await _rag.PostAsync("/retrieve", $$"""{"index_name":"i","query":"x","max_node_count":{{count}}}""")).Status);

    [Fact]
    public async Task Retrieve_MetadataFilter_Filters()
    {
        await _rag.PostAsync("/index", """
            {"index_name":"i","documents":[
              {"text":"the capital of France","metadata":{"lang":"en"}},
              {"text":"the capital of France is Paris","metadata":{"lang":"fr","n":1}}]}
            """);

        var (_, body) = await _rag.PostAsync(
            "/retrieve", """{"index_name":"i","query":"capital of France","metadata_filter":{"lang":"en"}}""");

        var only = Assert.Single(body!["results"]!.AsArray())!;
        Assert.Equal("""{"lang":"en"}""", only["metadata"]!.ToJsonString());
    }

    [Fact]
    public async Task Retrieve_Citation_IsASpanOfTheDocument()
    {
        var document = "🎉 Intro words. " + string.Concat(Enumerable.Range(0, 300)
            .Select(static i => i == 150 ? "The secret number is forty-two. " : $"Filler sentence {i} says little. "));
        await _rag.IndexAsync("i", document);

        var (_, body) = await _rag.PostAsync("/retrieve", """{"index_name":"i","query":"What is the secret number?"}""");

        var first = body!["results"]![0]!;
        var citation = first["citation"]!;
        Assert.Equal("The secret number is forty-two.", (string?)citation["quote"]);
        Assert.Contains((string)citation["quote"]!, (string)first["text"]!, StringComparison.Ordinal);
        Assert.Equal((string?)citation["quote"], Characters(document, (int)citation["start"]!, (int)citation["end"]!));
        Assert.Equal((string?)first["text"], Characters(document, (int)citation["node_start"]!, (int)citation["node_end"]!));
    }

    [Fact]
    public async Task Retrieve_IndexOfAnotherEmbedder_IsRefusedWithARemedy()
    {
        using var folder = new ScratchFolder();
        await using (var before = await RagFixture.StartAsync(folder: folder))
        {
            await before.IndexAsync("i", "text");
        }

        await using var after = await RagFixture.StartAsync(
            adjust: static services => RagFixture.UseEmbedder(services, "other/model", 8), folder: folder);
        var (status, body) = await after.PostAsync("/retrieve", """{"index_name":"i","query":"text"}""");

        Assert.Equal(409, status);
        Assert.Contains("other/model (8 dimensions)", (string?)body!["detail"], StringComparison.Ordinal);
        Assert.Contains("index its documents again", (string?)body["detail"], StringComparison.Ordinal);
        Assert.Equal(409, (await after.IndexAsync("i", "more")).Status);
    }

    [Fact]
    public async Task Retrieve_Diversified_PutsOtherThingsBeforeRepeats()
    {
        await using var rag = await RagFixture.StartAsync(static o => o with { Diversify = true });
        await rag.IndexAsync(
            "i", "Apples grow on trees in autumn orchards.", "Apples grow on trees in autumn orchards!",
            "Apples are pressed to make cider.");

        var (_, body) = await rag.PostAsync("/retrieve", """{"index_name":"i","query":"apples grow on trees","max_node_count":2}""");

        Assert.Contains(body!["results"]!.AsArray(), static r => ((string)r!["text"]!).Contains("cider", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Retrieve_Counted_InUpstreamsMetrics()
    {
        await _rag.IndexAsync("i", "text");
        await CountAsync("""{"index_name":"i","query":"text"}""");

        var metrics = await _rag.MetricsAsync();

        Assert.Contains("rag_indexes_retrieve_requests_total{status=\"success\"} 1.0\n", metrics, StringComparison.Ordinal);
        Assert.Contains("rag_retrieve_result_count_count 1.0\n", metrics, StringComparison.Ordinal);
        Assert.Contains("rag_avg_source_score_bucket{le=\"1.0\"} 1.0\n", metrics, StringComparison.Ordinal);
        Assert.Contains("rag_embedding_requests_total{status=\"success\",mode=\"local\"} 2.0\n", metrics, StringComparison.Ordinal);
        Assert.Contains("e2e_request_total{status=\"success\"} 2.0\n", metrics, StringComparison.Ordinal);
    }

    private async Task<int> CountAsync(string json) => (int)(await _rag.PostAsync("/retrieve", json)).Body!["count"]!;

    private static string Characters(string text, int start, int end) =>
        string.Concat(text.EnumerateRunes().Skip(start).Take(end - start).Select(static r => r.ToString()));
}
