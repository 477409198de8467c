using System.Text.Json.Nodes;

namespace Kaito.Tests.InferenceHost.Documentation;

public sealed class ApiDocumentTests : IAsyncLifetime
{
    private readonly ScriptedEngine _engine = new();
    private InferenceHostFixture _host = null!;

    public async ValueTask InitializeAsync() =>
        _host = await InferenceHostFixture.StartAsync(() => ScriptedEngine.Load(_engine));

    [Theory]
    [InlineData("/v1/chat/completions", "post", "ChatCompletionRequest", "ChatCompletion")]
    [InlineData("/v1/completions", "post", "CompletionRequest", "Completion")]
    [InlineData("/v1/embeddings", "post", "EmbeddingRequest", "EmbeddingList")]
    [InlineData("/tokenize", "post", "TokenizeRequest", "TokenizeResponse")]
    [InlineData("/chat", "post", "LegacyChatRequest", "LegacyChatResponse")]
    [InlineData("/v1/models", "get", null, "ModelList")]
    public async Task Document_EveryRoute_HasItsBodies(string path, string method, string? request, string answer)
    {
        var operation = (await DocumentAsync())["paths"]![path]![method]!;

        Assert.Equal(request, Schema(operation["requestBody"]));
        Assert.Equal(answer, Schema(operation["responses"]!["200"]));
        Assert.Equal(request is null ? null : "ErrorResponse", Schema(operation["responses"]!["default"]));
    }

    [Fact]
    public async Task Document_References_AllLeadSomewhere()
    {
        var document = await DocumentAsync();
        var schemas = document["components"]!["schemas"]!.AsObject();

        var named = References(document).ToArray();

        Assert.Equal("3.1.0", (string)document["openapi"]!);
        Assert.NotEmpty(named);
        Assert.All(named, name => Assert.Contains(name["#/components/schemas/".Length..], schemas.Select(static s => s.Key)));
        Assert.Equal("array", (string)schemas["ModelList"]!["properties"]!["data"]!["type"]!);
    }

    [Fact]
    public async Task Document_PathParameters_AreThoseOfThePath()
    {
        var document = await DocumentAsync();

        Assert.All(document["paths"]!.AsObject(), static path => Assert.All(path.Value!.AsObject(), operation =>
            Assert.Equal(
                path.Key.Split('{').Skip(1).Select(static part => part.Split('}')[0]),
                (operation.Value!["parameters"]?.AsArray() ?? []).Select(static p => (string)p!["name"]!))));
        Assert.NotNull(document["paths"]!["/v1/models/{id}"]);
        Assert.Null(document["paths"]!["/docs"]);
    }

    [Theory]
    [InlineData("/docs", "text/html")]
    [InlineData("/redoc", "text/html")]
    [InlineData("/docs.js", "text/javascript")]
    public async Task Page_ShowsTheDocument_AndLoadsNothingFromElsewhere(string path, string type)
    {
        using var answer = await _host.Client.GetAsync(path, TestContext.Current.CancellationToken);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

        Assert.Equal(type, answer.Content.Headers.ContentType!.MediaType);
        Assert.DoesNotContain("://", text, StringComparison.Ordinal);
        Assert.Contains("default-src 'none'", answer.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.Contains("openapi.json", text, StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _engine.Dispose();
    }

    private async Task<JsonNode> DocumentAsync() => JsonNode.Parse((await _host.GetAsync("/openapi.json")).Body)!;

    private static string? Schema(JsonNode? owner) =>
        ((string?)owner?["content"]?["application/json"]?["schema"]?["$ref"])?.Split('/').Last();

    // Within a schema, references are its own.
    private static IEnumerable<string> References(JsonNode? node) => node switch
    {
        JsonObject { Count: 1 } single when single["$ref"] is { } name => [(string)name!],
        JsonObject map => map.Where(static member => member.Key != "components").SelectMany(static m => References(m.Value)),
        JsonArray list => list.SelectMany(References),
        _ => [],
    };
}
