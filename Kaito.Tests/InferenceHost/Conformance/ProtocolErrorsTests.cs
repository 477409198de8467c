using System.Text.Json.Nodes;

namespace Kaito.Tests.InferenceHost.Conformance;

/// <summary>The error object, and the sentences that clients look for.</summary>
public sealed class ProtocolErrorsTests : IAsyncLifetime
{
    private const string Chat = "/v1/chat/completions";
    private const string Text = "/v1/completions";
    private const string Says = "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]";

    private readonly ScriptedEngine _engine = new();
    private InferenceHostFixture _host = null!;

    public async ValueTask InitializeAsync() =>
        _host = await InferenceHostFixture.StartAsync(() => ScriptedEngine.Load(_engine));

    [Theory]
    [InlineData(Chat, "{" + Says + ",\"stream_options\":{\"include_usage\":true}}", "stream_options",
        "Stream options can only be defined when `stream=True`.")]
    [InlineData(Chat, "{" + Says + ",\"prompt_logprobs\":1,\"stream\":true}", "prompt_logprobs",
        "`prompt_logprobs` are not available when `stream=True`.")]
    [InlineData(Chat, "{" + Says + ",\"top_logprobs\":1}", "top_logprobs",
        "when using `top_logprobs`, `logprobs` must be set to true.")]
    [InlineData(Chat, "{" + Says + ",\"tool_choice\":\"auto\"}", "tool_choice",
        "When using `tool_choice`, `tools` must be set.")]
    [InlineData(Chat, "{" + Says + ",\"tools\":[]}", "tools", "`tools` must not be an empty array")]
    [InlineData(Chat, "{" + Says + ",\"n\":2,\"temperature\":0}", "n", "n must be 1 when using greedy sampling")]
    [InlineData(Chat, "{" + Says + ",\"max_tokens\":999}", "max_tokens",
        "'max_tokens' or 'max_completion_tokens' is too large: 999.")]
    [InlineData(Chat, "{" + Says + ",\"max_tokens\":4,\"min_tokens\":5}", "min_tokens", "min_tokens is 5")]
    [InlineData(Chat, "{" + Says + ",\"continue_final_message\":true}", "continue_final_message",
        "Cannot set both `continue_final_message` and `add_generation_prompt` to True")]
    [InlineData(Text, "{}", "prompt", "Either prompt or prompt_embeds must be provided and non-empty.")]
    [InlineData(Text, "{\"prompt\":\"\"}", "prompt", "The prompt give no token")]
    [InlineData(Text, "{\"prompt\":\"a\",\"suffix\":\"b\"}", "suffix", "suffix is not currently supported")]
    [InlineData(Text, "{\"prompt\":\"a\",\"logprobs\":-2}", "logprobs", "logprobs is -2")]
    [InlineData(Text, "{\"prompt\":\"a\",\"logprobs\":21}", "logprobs", "logprobs is 21")]
    public async Task Call_BreaksARule_SaysTheSentenceAndTheMember(string path, string json, string param, string said)
    {
        var (status, body) = await _host.PostAsync(path, json);

        var error = JsonNode.Parse(body)!["error"]!;
        Assert.Equal((400, 400, "BadRequestError"), (status, (int)error["code"]!, (string)error["type"]!));
        Assert.StartsWith(said, (string)error["message"]!, StringComparison.Ordinal);
        Assert.Equal(param, (string?)error["param"]);
    }

    [Fact]
    public async Task Call_PromptFillsTheContext_SaysBothLengths()
    {
        var (status, body) = await _host.PostAsync(Text, $$"""{"prompt":"{{new string('x', 64)}}"}""");

        var error = JsonNode.Parse(body)!["error"]!;
        Assert.Equal((400, "input_tokens"), (status, (string?)error["param"]));
        Assert.StartsWith(
            "This model's maximum context length is 64 tokens. However, your request has 64 input tokens. Please reduce "
            + "the length of the input prompt",
            (string)error["message"]!,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("POST", Chat, "{", 400, "Bad Request")]
    [InlineData("POST", Chat, "{" + Says + ",\"top_p\":2}", 400, "BadRequestError")]
    [InlineData("POST", Chat, "{\"model\":\"other\"," + Says + "}", 404, "NotFoundError")]
    [InlineData("GET", "/v1/models/other", null, 404, "NotFoundError")]
    [InlineData("GET", "/v1/responses/resp_1", null, 404, "NotFoundError")]
    [InlineData("GET", "/v1/nothing", null, 404, "Not Found")]
    [InlineData("GET", Chat, null, 405, "Method Not Allowed")]
    [InlineData("POST", "/v1/embeddings", "{\"input\":\"a\"}", 501, "NotImplementedError")]
    public async Task Error_OfEveryKind_IsOneObjectOfFourMembers(
        string method, string path, string? json, int status, string type)
    {
        using var request = new HttpRequestMessage(new(method), path)
        {
            Content = json is null ? null : InferenceHostFixture.Json(json),
        };

        using var answer = await _host.Client.SendAsync(request, TestContext.Current.CancellationToken);
        var body = JsonNode.Parse(
            await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!.AsObject();

        Assert.Equal(["error"], body.Select(static member => member.Key));
        var error = body["error"]!.AsObject();
        Assert.Equal(["message", "type", "param", "code"], error.Select(static member => member.Key));
        Assert.Equal((status, status, type), ((int)answer.StatusCode, (int)error["code"]!, (string)error["type"]!));
        Assert.Equal("application/json", answer.Content.Headers.ContentType!.MediaType);
    }

    [Fact]
    public async Task Call_EngineFails_IsAnInternalServerError()
    {
        _engine.Failures = 1;

        var (status, body) = await _host.PostAsync(Text, """{"prompt":"a"}""");

        Assert.Equal((500, "InternalServerError"), (status, (string)JsonNode.Parse(body)!["error"]!["type"]!));
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _engine.Dispose();
    }
}
