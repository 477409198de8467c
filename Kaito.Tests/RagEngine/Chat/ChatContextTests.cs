using System.Text.Json.Nodes;

namespace Kaito.Tests.RagEngine.Chat;

/// <summary>What of an index the model is given.</summary>
public sealed class ChatContextTests
{
    private const string Route = "/v1/chat/completions";
    private const string Question = """{"role":"user","content":"What is the capital of France?"}""";

    [Theory]
    [InlineData("")]
    [InlineData("\"max_tokens\":1,")]
    [InlineData("\"max_tokens\":499,")]
    [InlineData("\"max_tokens\":100000,")]
    public async Task Chat_MaxTokensBeyondTheRoom_IsTheModelsBusiness(string tokens)
    {
        await using var model = await ScriptedModel.StartAsync();
        await using var rag = await RagFixture.StartAsync(
            options => options with { Model = new(model.Url, "secret"), ContextTokens = 500 });
        await rag.IndexAsync("i", "Paris is the capital of France.");

        var (status, body) = await rag.PostAsync(
            Route, $$"""{"index_name":"i","model":"m",{{tokens}}"messages":[{{Question}}]}""");

        Assert.Equal(200, status);
        Assert.Equal(tokens.Contains(":1,", StringComparison.Ordinal), body!["source_nodes"] is null);
    }

    [Fact]
    public async Task Chat_AfterAnUpdate_HasTheNewTextFirst()
    {
        await using var model = await ScriptedModel.StartAsync();
        await using var rag = await RagFixture.StartAsync(options => options with { Model = new(model.Url, "secret") });
        var ids = (await rag.IndexAsync("i", "This is a test document", "Another test document")).Body!;
        await rag.PostAsync("/indexes/i/documents", new JsonObject
        {
            ["documents"] = new JsonArray(new JsonObject
            {
                ["doc_id"] = (string)ids[1]!["doc_id"]!,
                ["text"] = "This is an updated test document",
            }),
        });

        var (_, body) = await rag.PostAsync(
            Route,
            """{"index_name":"i","model":"m","max_tokens":50,"messages":[{"role":"user","content":"updates test query"}]}""");

        var sources = body!["source_nodes"]!.AsArray();
        Assert.Equal(2, sources.Count);
        Assert.Equal("This is an updated test document", (string?)sources[0]!["text"]);
        Assert.Empty(sources[0]!["metadata"]!.AsObject());
        Assert.Single(model.Asked);
        var metrics = await rag.MetricsAsync();
        Assert.All(["rag_index", "rag_indexes_update_document", "rag_chat"], operation => Assert.Contains(
            $"{operation}_requests_total{{status=\"success\"}} 1.0\n", metrics, StringComparison.Ordinal));
    }
}
