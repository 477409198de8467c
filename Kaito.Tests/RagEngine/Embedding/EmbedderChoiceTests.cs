using System.Text.Json.Nodes;
using Kaito.RagEngine;
using Kaito.Tests.InferenceHost.Embeddings;
using Kaito.Tests.RagEngine.Chat;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Kaito.Tests.RagEngine.Embedding;

public sealed class EmbedderChoiceTests(BertFixture bert)
{
    [Fact]
    public async Task Local_OnnxFolder_IndexesAndRetrieves()
    {
        await using var rag = await StartAsync(new EmbeddingSource.Local(bert.Folder, "nowhere"));

        await rag.IndexAsync("i", "Paris is the capital of France.", "Bread is baked.");
        var (status, body) = await rag.PostAsync("/retrieve", """{"index_name":"i","query":"Paris is the capital of France."}""");

        Assert.Equal(200, status);
        var first = body!["results"]![0]!;
        Assert.Equal("Paris is the capital of France.", (string?)first["text"]);
        Assert.Equal(1, (double)first["dense_score"]!, 4);
        Assert.Equal(bert.Folder, (string?)(await rag.GetAsync("/health")).Body!["embedder"]!["name"]);
    }

    [Fact]
    public async Task Local_ModelThatIsNotHere_IsStoodInForAndSaysSo()
    {
        await using var rag = await StartAsync(new EmbeddingSource.Local("BAAI/bge-small-en-v1.5", "nowhere"));
        await rag.IndexAsync("i", "text");

        var embedder = (await rag.GetAsync("/health")).Body!["embedder"]!;

        Assert.Equal(
            ("kaito/hashed-grams-1", "BAAI/bge-small-en-v1.5"), ((string?)embedder["name"], (string?)embedder["stands_in_for"]));
    }

    [Theory]
    [InlineData(EmbeddingDialect.Inputs)]
    [InlineData(EmbeddingDialect.OpenAI)]
    public async Task Remote_EitherDialect_IndexesAndRetrieves(object dialect)
    {
        await using var service = await EmbeddingServer.StartAsync();
        await using var rag = await StartAsync(new EmbeddingSource.Remote(
            new(service.Address, (EmbeddingDialect)dialect == EmbeddingDialect.OpenAI ? "/v1/embeddings" : "/embedding"),
            "secret", (EmbeddingDialect)dialect, "m"));

        Assert.Equal(200, (await rag.IndexAsync("i", "aaaa", "b")).Status);
        var (_, body) = await rag.PostAsync("/retrieve", """{"index_name":"i","query":"aaaa"}""");

        Assert.Equal(("aaaa", 1.0), ((string?)body!["results"]![0]!["text"], Math.Round((double)body["results"]![0]!["dense_score"]!, 4)));
        Assert.Contains(
            "rag_embedding_requests_total{status=\"success\",mode=\"remote\"}", await rag.MetricsAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Remote_OutOfReach_IsUnhealthyAndSaysWhy()
    {
        await using var rag = await StartAsync(new EmbeddingSource.Remote(
            new("http://127.0.0.1:1/embedding"), "secret", EmbeddingDialect.Inputs, "m"));

        var (status, body) = await rag.IndexAsync("i", "text");

        Assert.Equal(500, status);
        Assert.Contains("Failed to get embedding from remote model", (string?)body!["detail"], StringComparison.Ordinal);
        Assert.Equal(500, (await rag.GetAsync("/health")).Status);
    }

    private static Task<RagFixture> StartAsync(EmbeddingSource source) =>
        RagFixture.StartAsync(options => options with { Embedding = source });

    /// <summary>Makes vectors of length and first letter of a text, in both dialects.</summary>
    private sealed class EmbeddingServer(WebApplication app) : IAsyncDisposable
    {
        public Uri Address { get; private set; } = null!;

        public static async Task<EmbeddingServer> StartAsync()
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            builder.Logging.ClearProviders();
            var app = builder.Build();
            app.MapPost("/embedding", static async http =>
            {
                var asked = (await JsonNode.ParseAsync(http.Request.Body))!;
                await ScriptedModel.JsonAsync(http, 200, Vector((string)asked["inputs"]!).ToJsonString());
            });
            app.MapPost("/v1/embeddings", static async http =>
            {
                var asked = (await JsonNode.ParseAsync(http.Request.Body))!;
                var data = asked["input"]!.AsArray().Select(static (text, at) => new JsonObject
                {
                    ["index"] = at,
                    ["embedding"] = Vector((string)text!),
                });
                await ScriptedModel.JsonAsync(http, 200, new JsonObject { ["data"] = new JsonArray([.. data.Reverse()]) }.ToJsonString());
            });
            await app.StartAsync(TestContext.Current.CancellationToken);
            var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
            return new(app) { Address = new(address) };
        }

        public ValueTask DisposeAsync() => app.DisposeAsync();

        private static JsonArray Vector(string text) => [text.Length, text.FirstOrDefault() - 'a', 1.5];
    }
}
