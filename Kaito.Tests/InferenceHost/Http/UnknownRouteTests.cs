using System.Text.Json.Nodes;

namespace Kaito.Tests.InferenceHost.Http;

public sealed class UnknownRouteTests
{
    [Theory]
    [InlineData("GET", "/v1/chat/completions", "POST")]
    [InlineData("DELETE", "/v1/models", "GET")]
    [InlineData("PUT", "/tokenize", "POST")]
    [InlineData("POST", "/health", "GET")]
    [InlineData("POST", "/v1/models/scripted", "GET")]
    public async Task Method_WrongOnAKnownPath_Is405AndNamesTheRightOne(string method, string path, string allowed)
    {
        using var engine = new ScriptedEngine();
        await using var host = await InferenceHostFixture.StartAsync(() => ScriptedEngine.Load(engine));
        using var request = new HttpRequestMessage(new(method), path);

        using var answer = await host.Client.SendAsync(request, TestContext.Current.CancellationToken);
        var error = JsonNode.Parse(
            await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!["error"]!;

        Assert.Equal(405, (int)answer.StatusCode);
        Assert.Equal(("Method Not Allowed", 405), ((string)error["type"]!, (int)error["code"]!));
        Assert.Equal(allowed, answer.Content.Headers.Allow.Single());
        Assert.EndsWith($"send {allowed}.", (string)error["message"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Path_Unknown_Is404AndListsTheRoutes()
    {
        using var engine = new ScriptedEngine();
        await using var host = await InferenceHostFixture.StartAsync(() => ScriptedEngine.Load(engine));

        var (status, body) = await host.PostAsync("/generate", "{}");
        var error = JsonNode.Parse(body)!["error"]!;

        Assert.Equal(404, status);
        Assert.Equal(("Not Found", 404), ((string)error["type"]!, (int)error["code"]!));
        Assert.Contains("POST /generate", (string)error["message"]!, StringComparison.Ordinal);
        Assert.Contains("/v1/chat/completions, ", (string)error["message"]!, StringComparison.Ordinal);
        Assert.DoesNotContain("docs.js", body, StringComparison.Ordinal);
    }
}
