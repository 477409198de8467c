using System.Text.Json.Nodes;
using Kaito.Tests.RagEngine.Chat;
using Microsoft.AspNetCore.Http;

namespace Kaito.Tests.RagEngine.Guardrails;

/// <summary>The rows of upstream's test_chat_completions.py that are about guardrails, through the service.</summary>
public sealed class GuardrailChatTests : IAsyncLifetime
{
    private const string Route = "/v1/chat/completions";

    private readonly ScratchFolder _folder = new();
    private ScriptedModel _model = null!;

    public async ValueTask InitializeAsync() => _model = await ScriptedModel.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _model.DisposeAsync();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("scanners:\n- type: regex\n  patterns: ['https?://\\S+']", "Visit [REDACTED] now")]
    [InlineData("action: block\nblockMessage: blocked-by-policy\nscanners:\n- type: ban_substrings\n  substrings: [visit]", "blocked-by-policy")]
    [InlineData("scanners:\n- type: regex\n  patterns: ['absent']", "Visit https://a.example/x now")]
    public async Task Chat_Answer_IsHeldToThePolicy(string policy, string expected)
    {
        await using var rag = await StartAsync(policy);
        _model.Answer = static http => ScriptedModel.JsonAsync(
            http, 200, ScriptedModel.Whole.Replace("This is a helpful response.", "Visit https://a.example/x now", StringComparison.Ordinal));

        var (status, body) = await rag.PostAsync(Route, Ask(stream: false));

        Assert.Equal((200, expected), (status, (string?)body!["choices"]![0]!["message"]!["content"]));
        Assert.Equal(("chatcmpl-test123", 37), ((string?)body["id"], (int)body["usage"]!["total_tokens"]!));
    }

    [Fact]
    public async Task Chat_OverAnIndex_KeepsTheSources()
    {
        await using var rag = await StartAsync("scanners:\n- type: ban_substrings\n  substrings: [helpful]");
        await rag.IndexAsync("i", "A helpful passage about Paris.");

        var (status, body) = await rag.PostAsync(
            Route, """{"index_name":"i","model":"m","messages":[{"role":"user","content":"A passage about Paris"}]}""");

        Assert.Equal((200, "This is a [REDACTED] response."), (status, (string?)body!["choices"]![0]!["message"]!["content"]));
        Assert.Equal("A helpful passage about Paris.", (string?)body["source_nodes"]![0]!["text"]);
    }

    [Fact]
    public async Task Stream_SplitSecret_NeverReachesTheClient()
    {
        await using var rag = await StartAsync("scanners:\n- type: secrets\n- type: sensitive");
        _model.Answer = static async http =>
        {
            http.Response.ContentType = "text/event-stream";
            foreach (var piece in (string[])["The key is AKIA", "IOSFODNN7", "EXAMPLE, bob@", "example.com."])
            {
                await http.Response.WriteAsync(
                    $$"""data: {"id":"c1","choices":[{"index":0,"delta":{"content":"{{piece}}"},"finish_reason":null}]}""" + "\n\n");
                await http.Response.Body.FlushAsync();
            }

            await http.Response.WriteAsync("data: [DONE]\n\n");
        };

        var (status, text) = await PostStreamAsync(rag);

        Assert.Equal(200, status);
        Assert.EndsWith("data: [DONE]\n\n", text, StringComparison.Ordinal);
        var said = string.Concat(text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries)[..^1].Select(static e =>
            (string?)JsonNode.Parse(e["data: ".Length..])!["choices"]![0]!["delta"]!["content"]));
        Assert.Equal("The key is ******, <EMAIL>.", said);
    }

    [Fact]
    public async Task Stream_Blocked_EndsTheModelsToo()
    {
        await using var rag = await StartAsync(
            "blockMessage: withheld\nscanners:\n- type: ban_substrings\n  action: block\n  substrings: [forbidden]");
        var left = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _model.Answer = async http =>
        {
            http.RequestAborted.Register(left.SetResult);
            http.Response.ContentType = "text/event-stream";
            await http.Response.WriteAsync(
                """data: {"id":"c1","choices":[{"index":0,"delta":{"content":"a forbidden word"},"finish_reason":null}]}""" + "\n\n");
            await http.Response.Body.FlushAsync();
            await left.Task.WaitAsync(TimeSpan.FromSeconds(30));
        };

        var (status, text) = await PostStreamAsync(rag);

        Assert.Equal(200, status);
        Assert.Contains("withheld", text, StringComparison.Ordinal);
        Assert.EndsWith("data: [DONE]\n\n", text, StringComparison.Ordinal);
        await left.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Stream_WithUpstreamLimits_IsRefusedBeforeTheModelIsAsked()
    {
        await using var rag = await StartAsync("scanners:\n- type: json", upstreamLimits: true);

        var (status, text) = await PostStreamAsync(rag);

        Assert.Equal(400, status);
        Assert.Contains("Unsupported scanner: json.", text, StringComparison.Ordinal);
        Assert.Empty(_model.Asked);
    }

    private async Task<RagFixture> StartAsync(string policy, bool upstreamLimits = false)
    {
        await File.WriteAllTextAsync(_folder.Path("guardrails.yaml"), policy, TestContext.Current.CancellationToken);
        return await RagFixture.StartAsync(options => options with
        {
            Model = new(_model.Url, "secret"),
            GuardrailsEnabled = true,
            GuardrailsPolicy = _folder.Path("guardrails.yaml"),
            UpstreamLimits = upstreamLimits,
        });
    }

    private static async Task<(int Status, string Text)> PostStreamAsync(RagFixture rag)
    {
        using var content = new StringContent(Ask(stream: true), System.Text.Encoding.UTF8, "application/json");
        using var response = await rag.Http.PostAsync(Route, content, TestContext.Current.CancellationToken);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    private static string Ask(bool stream) => new JsonObject
    {
        ["model"] = "m",
        ["stream"] = stream,
        ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "Hello" }),
    }.ToJsonString();
}
