using System.Text;
using System.Text.Json;

namespace Kaito.Tests.InferenceHost.Http;

/// <summary>
/// Values that no client should send: each gets one error object that names field and value, and the next request
/// works.
/// </summary>
public sealed class HostileRequestTests : IAsyncLifetime
{
    private const string Chat = "/v1/chat/completions";

    private const string Completions = "/v1/completions";

    private const string Sane = """{"messages":[{"role":"user","content":"x"}],"prompt":"x","max_tokens":1}""";

    private readonly ScriptedEngine _engine = new();
    private InferenceHostFixture _host = null!;

    /// <summary>Members that both routes share; the field to name; what the message must say.</summary>
    public static TheoryData<string, string, string> SharedMembers => new()
    {
        { "\"temperature\":\"hot\"", "body.temperature", "the value is \"hot\"; give a number" },
        { "\"temperature\":-0.5", "temperature", "temperature is -0.5; give a number from 0 to 2" },
        { "\"temperature\":1e999", "temperature", "give a number from 0 to 2" },
        { "\"temperature\":NaN", "body.temperature", "not JSON" },
        { "\"temperature\":[1]", "body.temperature", "the value is [1]; give a number" },
        { "\"top_p\":-1", "top_p", "top_p is -1; give a number from 0 to 1" },
        { "\"top_p\":0", "top_p", "top_p is 0" },
        { "\"top_k\":-2", "top_k", "top_k is -2" },
        { "\"top_k\":1.5", "body.top_k", "the value is 1.5; give a whole number" },
        { "\"top_k\":99999999999", "body.top_k", "the value is 99999999999; give a whole number" },
        { "\"min_p\":2", "min_p", "min_p is 2" },
        { "\"repetition_penalty\":0", "repetition_penalty", "repetition_penalty is 0; give a number above 0" },
        { "\"repetition_penalty\":1e999", "repetition_penalty", "give a number above 0" },
        { "\"presence_penalty\":-2.1", "presence_penalty", "presence_penalty is -2.1; give a number from -2 to 2" },
        { "\"frequency_penalty\":9", "frequency_penalty", "frequency_penalty is 9" },
        { "\"n\":0", "n", "n is 0; give 1 to 16" },
        { "\"n\":2147483647", "n", "n is 2147483647; give 1 to 16" },
        { "\"n\":true", "body.n", "the value is true; give a whole number" },
        { "\"max_tokens\":-1", "max_tokens", "max_tokens is -1; give at least 1" },
        { "\"max_tokens\":2147483647", "max_tokens", "maximum context length (max_model_len) is 64" },
        { "\"max_tokens\":\"many\"", "body.max_tokens", "the value is \"many\"; give a whole number" },
        { "\"min_tokens\":-3", "min_tokens", "min_tokens is -3" },
        { "\"seed\":1e40", "body.seed", "the value is 1e40; give a whole number" },
        { "\"stop\":[\"\"]", "stop", "stop holds an empty string" },
        { "\"stop\":[null]", "body.stop", "The list may hold strings only" },
        { "\"stop\":{}", "body.stop", "Expected a string or a list of strings" },
        { "\"stop_token_ids\":[-1]", "stop_token_ids", "stop_token_ids holds -1; token ids go from 0 to 127" },
        { "\"stop_token_ids\":[\"a\"]", "body.stop_token_ids.0", "the value is \"a\"; give a whole number" },
        { "\"logit_bias\":{\"-1\":1}", "logit_bias", "logit_bias names token -1" },
        { "\"logit_bias\":{\"5\":\"x\"}", "body.logit_bias.5", "the value is \"x\"; give a number" },
        { "\"logit_bias\":[]", "body.logit_bias", "the value is []" },
        { "\"stream\":\"yes\"", "body.stream", "the value is \"yes\"; give true or false" },
        { "\"stream_options\":5", "body.stream_options", "the value is 5; give a JSON object" },
        { "\"stream_options\":{\"include_usage\":true}", "stream_options", "when `stream=True`" },
        { "\"model\":7", "body.model", "the value is 7; give a string" },
        { "\"response_format\":{\"type\":\"json_schema\"}", "response_format.json_schema", "give a JSON Schema" },
        { "\"user\":\"\\ud800\"", "body", "half of a surrogate pair" },
    };

    public async ValueTask InitializeAsync() =>
        _host = await InferenceHostFixture.StartAsync(() => ScriptedEngine.Load(_engine));

    [Theory]
    [MemberData(nameof(SharedMembers))]
    public async Task Post_HostileMember_NamesFieldAndValue(string member, string param, string said)
    {
        foreach (var route in new[] { Chat, Completions })
        {
            await RefusedAsync(route, With(member), 400, param, said);
        }
    }

    [Theory]
    [InlineData("", "body", "the body is empty; send a JSON object")]
    [InlineData("   ", "body", "the body is empty; send a JSON object")]
    [InlineData("null", null, "The body is null; send a JSON object")]
    [InlineData("[]", "body", "the value is []; give a JSON object")]
    [InlineData("\"text\"", "body", "the value is \"text\"; give a JSON object")]
    [InlineData("{\"messages\":", "body.messages", "not JSON")]
    [InlineData("{} {}", "body", "not JSON")]
    public async Task Post_HostileBody_SaysWhatIsWrong(string body, string? param, string said)
    {
        foreach (var route in new[] { Chat, Completions })
        {
            await RefusedAsync(route, body, 400, param, said);
        }
    }

    [Theory]
    [InlineData("5", "body.messages", "the value is 5; give a list")]
    [InlineData("[]", "messages", "give at least one message")]
    [InlineData("null", "messages", "give at least one message")]
    [InlineData("[7]", "body.messages.0", "the value is 7; give a JSON object")]
    [InlineData("[{}]", "messages.0.role", "The role is ''; give one of")]
    [InlineData("[{\"role\":\"user\"}]", "messages.0.content", "A user message needs content")]
    [InlineData("[{\"role\":\"user\",\"content\":{}}]", "body.messages.0.content", "a string or a list of parts")]
    [InlineData("[{\"role\":\"user\",\"content\":[null]}]", "messages.0.content", "A content part has type ''")]
    [InlineData("[{\"role\":\"user\",\"content\":[{\"text\":\"x\"}]}]", "body.messages.0.content", "'type'")]
    [InlineData(
        "[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]",
        "messages.0.content",
        "A content part has type 'image_url'; this model reads text")]
    public async Task PostChat_HostileMessages_NamesThePlace(string messages, string param, string said) =>
        await RefusedAsync(Chat, $$"""{"messages":{{messages}}}""", 400, param, said);

    [Theory]
    [InlineData("\"tools\":[]", "tools", "`tools` must not be an empty array")]
    [InlineData("\"tools\":{}", "body.tools", "the value is {}; give a list")]
    [InlineData("\"tool_choice\":{}", "tool_choice", "`tools` must be set")]
    [InlineData("\"max_completion_tokens\":0", "max_tokens", "max_tokens is 0")]
    [InlineData("\"chat_template_kwargs\":5", "body.chat_template_kwargs", "the value is 5; give a JSON object")]
    [InlineData("\"chat_template_kwargs\":{\"messages\":[]}", "chat_template_kwargs", "holds 'messages'")]
    [InlineData("\"chat_template_kwargs\":{\"a\":\"\\udc00\"}", "body", "half of a surrogate pair")]
    public async Task PostChat_HostileMember_NamesIt(string member, string param, string said) =>
        await RefusedAsync(Chat, With(member), 400, param, said);

    [Theory]
    [InlineData("\"prompt\":[1.5]", "body.prompt", "A prompt is a string")]
    [InlineData("\"prompt\":[-1]", "prompt", "The prompt holds token -1; ids go from 0 to 127")]
    [InlineData("\"prompt\":[[],[1]]", "prompt", "The prompt give no token")]
    [InlineData("\"prompt\":\"\"", "prompt", "The prompt give no token")]
    [InlineData("\"prompt\":[\"a\",1]", "body.prompt", "A prompt is a string")]
    [InlineData("\"prompt\":\"\u00e4\"", "prompt", "need token 228; ids of this model go from 0 to 127")]
    [InlineData("\"prompt\":\"x\",\"logprobs\":21", "logprobs", "give 0 to 20")]
    public async Task PostCompletions_HostileMember_NamesIt(string member, string param, string said) =>
        await RefusedAsync(Completions, $$"""{{{member}}}""", 400, param, said);

    [Fact]
    public async Task Post_UnknownModel_NamesTheServedOne()
    {
        foreach (var route in new[] { Chat, Completions })
        {
            await RefusedAsync(route, With("\"model\":\"other\""), 404, "model", "serves `scripted`");
        }
    }

    [Fact]
    public async Task Post_LongerThanTheContext_NamesBothLengths()
    {
        const string Said = "length is 64 tokens. However, your request has 100 input tokens";
        var text = new string('x', 100);
        await RefusedAsync(Completions, $$"""{"prompt":"{{text}}"}""", 400, "input_tokens", Said);
        await RefusedAsync(
            Chat, $$"""{"messages":[{"role":"user","content":"{{text}}"}]}""", 400, "input_tokens", Said);
    }

    [Fact]
    public async Task Post_BodyBeyondTheLimitWithoutALength_Is413()
    {
        using var content = new StreamContent(new MemoryStream(Encoding.UTF8.GetBytes(
            $$"""{"prompt":"{{new string('x', 5 << 20)}}"}""")));
        content.Headers.ContentType = new("application/json");
        using var request = new HttpRequestMessage(HttpMethod.Post, Completions) { Content = content };
        request.Headers.TransferEncodingChunked = true;
        request.Headers.ExpectContinue = true;

        // The server may close the connection on what it will not read; then there is no answer to look at.
        try
        {
            using var response = await _host.Client.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.Equal(413, (int)response.StatusCode);
        }
        catch (HttpRequestException)
        {
        }

        Assert.Equal(200, (await _host.PostAsync(Completions, Sane)).Status);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _engine.Dispose();
    }

    // The last of two members of one name counts.
    private static string With(string member) => $"{Sane[..^1]},{member}}}";

    private async Task RefusedAsync(string route, string json, int status, string? param, string said)
    {
        var (actual, body) = await _host.PostAsync(route, json);

        Assert.True(status == actual, $"{actual} on {route} {json}: {body}");
        var error = JsonDocument.Parse(body).RootElement.GetProperty("error");
        Assert.True(param == error.GetProperty("param").GetString(), body);
        Assert.Equal(status, error.GetProperty("code").GetInt32());
        var message = error.GetProperty("message").GetString()!;
        Assert.True(message.Contains(said, StringComparison.Ordinal), message);
        Assert.DoesNotContain("System.", body, StringComparison.Ordinal);
        Assert.Equal(200, (await _host.PostAsync(route, Sane)).Status);
    }
}
