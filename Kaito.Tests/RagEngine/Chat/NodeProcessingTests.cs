using System.Text.Json.Nodes;
using Kaito.RagEngine.Chunking;
using Kaito.RagEngine.Embedding;
using Microsoft.Extensions.DependencyInjection;

namespace Kaito.Tests.RagEngine.Chat;

/// <summary>
/// Upstream's test_node_processing.py: window 10000. The embedder tells apart what is about KAITO, as upstream's model does.
/// </summary>
public sealed class NodeProcessingTests : IAsyncLifetime
{
    private static readonly string[] s_documents =
    [
        .. Enumerable.Range(0, 10).Select(static i => $"KAITO deploys model number {i} on Kubernetes clusters."),
        .. Enumerable.Range(0, 20).Select(static i => $"Recipe {i}: bread needs flour, water and salt."),
    ];

    private ScriptedModel _model = null!;
    private RagFixture _rag = null!;

    public async ValueTask InitializeAsync()
    {
        _model = await ScriptedModel.StartAsync();
        _rag = await RagFixture.StartAsync(
            options => options with { Model = new(_model.Url, "secret"), ContextTokens = 10_000 },
            static services => services.AddSingleton<IEmbedderSource>(new FixedEmbedder(
                "topics", 2, static text => text.Contains("KAITO", StringComparison.Ordinal) ? [1, 0] : [0, 1])));
        await _rag.IndexAsync("i", s_documents);
    }

    public async ValueTask DisposeAsync()
    {
        await _rag.DisposeAsync();
        await _model.DisposeAsync();
    }

    [Fact]
    public async Task Chat_ManyDocuments_TakesTheTenRelated()
    {
        var sources = await SourcesAsync(400, 0.8);

        Assert.Equal(10, sources.Count);
        Assert.All(sources, static s =>
        {
            Assert.Contains("KAITO", (string?)s!["text"], StringComparison.Ordinal);
            Assert.NotNull(s["node_id"]);
            Assert.NotNull(s["score"]);
            Assert.NotNull(s["metadata"]);
        });
    }

    [Fact]
    public async Task Chat_SmallMaxTokens_TakesFewerThanAreRelated() =>
        Assert.InRange((await SourcesAsync(50, 0.5)).Count, 1, 4);

    [Fact]
    public async Task Chat_LargerRatio_TakesStrictlyMore()
    {
        var (low, high) = (await SourcesAsync(100, 0.2), await SourcesAsync(100, 0.8));

        Assert.InRange(low.Count, 1, high.Count - 1);
        Assert.InRange(high.Sum(static s => TokenCount.Of((string)s!["text"]!)), 1, 80);
    }

    [Fact]
    public async Task Chat_LongDocumentAmongShortOnes_IsPassedOver()
    {
        await _rag.IndexAsync("i", "KAITO " + string.Concat(Enumerable.Repeat("is a very long story. ", 50)));

        Assert.Contains(await SourcesAsync(100, 0.3), static s => ((string)s!["text"]!).Length < 100);
    }

    [Fact]
    public async Task Chat_UnrelatedQuestion_IsAnsweredAllTheSame()
    {
        var (status, body) = await _rag.PostAsync("/v1/chat/completions", """
            {"index_name":"i","model":"m","messages":[{"role":"user","content":"zzz"}]}
            """);

        Assert.Equal(200, status);
        Assert.True(body!.AsObject().ContainsKey("source_nodes"));
    }

    private async Task<JsonArray> SourcesAsync(int tokens, double ratio) => (await _rag.PostAsync(
        "/v1/chat/completions",
        new JsonObject
        {
            ["index_name"] = "i",
            ["model"] = "m",
            ["max_tokens"] = tokens,
            ["context_token_ratio"] = ratio,
            ["messages"] = new JsonArray(
                new JsonObject { ["role"] = "user", ["content"] = "What can you tell me about KAITO?" }),
        })).Body!["source_nodes"]!.AsArray();
}
