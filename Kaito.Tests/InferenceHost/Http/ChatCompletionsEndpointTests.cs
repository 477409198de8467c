using System.Text.Json;
using Kaito.OpenAI;

namespace Kaito.Tests.InferenceHost.Http;

/// <summary>What a client sees, byte for byte, over a loopback socket.</summary>
public sealed class ChatCompletionsEndpointTests : IAsyncLifetime
{
    private const string Path = "/v1/chat/completions";

    private readonly ScriptedEngine _engine = new();
    private InferenceHostFixture _host = null!;

    public async ValueTask InitializeAsync() =>
        _host = await InferenceHostFixture.StartAsync(() => ScriptedEngine.Load(_engine));

    [Fact]
    public async Task Post_Plain_AnswersTextUsageAndReason()
    {
        var (status, body) = await _host.PostAsync(Path, """
            {"model":"scripted","messages":[{"role":"user","content":"hello"}],"temperature":0,"unknown_member":1}
            """);

        Assert.Equal(200, status);
        var answer = JsonDocument.Parse(body).RootElement;
        var choice = answer.GetProperty("choices")[0];
        Assert.Equal("chat.completion", answer.GetProperty("object").GetString());
        Assert.Equal("hello", choice.GetProperty("message").GetProperty("content").GetString());
        Assert.Equal("stop", choice.GetProperty("finish_reason").GetString());
        Assert.Equal(5, answer.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
        Assert.Equal(6, answer.GetProperty("usage").GetProperty("completion_tokens").GetInt32());
    }

    [Fact]
    public async Task Post_StreamWithUsage_EndsWithUsageThenDone()
    {
        using var response = await _host.Client.PostAsync(Path, InferenceHostFixture.Json("""
            {"messages":[{"role":"user","content":"hello"}],"temperature":0,"max_tokens":3,"stream":true,
             "stream_options":{"include_usage":true}}
            """), TestContext.Current.CancellationToken);
        var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        var chunks = await ServerSentEvents.ReadAsync(
            new MemoryStream(System.Text.Encoding.UTF8.GetBytes(body)),
            OpenAIJson.Default.ChatCompletionChunk,
            TestContext.Current.CancellationToken).ToArrayAsync(TestContext.Current.CancellationToken);

        Assert.Equal("text/event-stream; charset=utf-8", response.Content.Headers.ContentType?.ToString());
        Assert.EndsWith("data: [DONE]\n\n", body, StringComparison.Ordinal);
        Assert.Equal("assistant", chunks[0].Choices[0].Delta.Role);
        Assert.Equal("hel", string.Concat(chunks[..^1].Select(chunk => chunk.Choices[0].Delta.Content)));
        Assert.Equal("length", chunks[^2].Choices[0].FinishReason);
        Assert.Empty(chunks[^1].Choices);
        Assert.Equal(new(5, 8, 3) { PromptTokensDetails = new(0), CompletionTokensDetails = new(0) }, chunks[^1].Usage);
        Assert.Single(chunks.Select(chunk => chunk.Id).Distinct());
    }

    [Fact]
    public async Task Post_StopString_EndsBeforeItAndNamesIt()
    {
        var (_, body) = await _host.PostAsync(Path, """
            {"messages":[{"role":"user","content":"one two"}],"temperature":0,"stop":" t"}
            """);

        var choice = JsonDocument.Parse(body).RootElement.GetProperty("choices")[0];
        Assert.Equal("one", choice.GetProperty("message").GetProperty("content").GetString());
        Assert.Equal(" t", choice.GetProperty("stop_reason").GetString());
    }

    [Fact]
    public async Task Post_SeveralChoices_AreNumberedAndCounted()
    {
        var (_, body) = await _host.PostAsync(Path, """
            {"messages":[{"role":"user","content":"ab"}],"n":3,"seed":1,"max_tokens":2,"temperature":0.1}
            """);

        var answer = JsonDocument.Parse(body).RootElement;
        Assert.Equal(
            [0, 1, 2],
            answer.GetProperty("choices").EnumerateArray().Select(c => c.GetProperty("index").GetInt32()));
        Assert.Equal(2, answer.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
        Assert.Equal(6, answer.GetProperty("usage").GetProperty("completion_tokens").GetInt32());
    }

    [Theory]
    [InlineData("{", 400, "Bad Request", "body")]
    [InlineData("[]", 400, "Bad Request", "body")]
    [InlineData("""{"messages":[{"role":"user","content":7}]}""", 400, "Bad Request", "body.messages.0.content")]
    [InlineData("""{"messages":[{"role":"king","content":"x"}]}""", 400, "BadRequestError", "messages.0.role")]
    [InlineData("""{"messages":[null]}""", 400, "BadRequestError", "messages.0.role")]
    [InlineData("""{"messages":[]}""", 400, "BadRequestError", "messages")]
    [InlineData("{}", 400, "BadRequestError", "messages")]
    [InlineData("""{"model":"other","messages":[{"role":"user","content":"x"}]}""", 404, "NotFoundError", "model")]
    public async Task Post_BadInput_IsOneErrorObject(string json, int status, string type, string param)
    {
        var (actual, body) = await _host.PostAsync(Path, json);

        Assert.Equal(status, actual);
        var error = JsonDocument.Parse(body).RootElement.GetProperty("error");
        Assert.Equal(type, error.GetProperty("type").GetString());
        Assert.Equal(param, error.GetProperty("param").GetString());
        Assert.Equal(status, error.GetProperty("code").GetInt32());
        Assert.NotEmpty(error.GetProperty("message").GetString()!);
    }

    [Theory]
    [InlineData("""{"temperature":"hot"}""", "Bad Request", "body.temperature")]
    [InlineData("""{"temperature":3}""", "BadRequestError", "temperature")]
    [InlineData("""{"top_p":0}""", "BadRequestError", "top_p")]
    [InlineData("""{"n":99}""", "BadRequestError", "n")]
    [InlineData("""{"max_tokens":0}""", "BadRequestError", "max_tokens")]
    [InlineData("""{"max_tokens":64}""", "BadRequestError", "max_tokens")]
    [InlineData("""{"stop":[""]}""", "BadRequestError", "stop")]
    [InlineData("""{"top_logprobs":1}""", "BadRequestError", "top_logprobs")]
    [InlineData("""{"stream_options":{}}""", "BadRequestError", "stream_options")]
    [InlineData("""{"response_format":{"type":"xml"}}""", "BadRequestError", "response_format")]
    [InlineData("""{"logit_bias":{"999":1}}""", "BadRequestError", "logit_bias")]
    public async Task Post_BadMember_NamesTheMember(string members, string type, string param)
    {
        var (status, body) = await _host.PostAsync(
            Path, """{"messages":[{"role":"user","content":"x"}],""" + members[1..]);

        Assert.Equal(400, status);
        var error = JsonDocument.Parse(body).RootElement.GetProperty("error");
        Assert.Equal(type, error.GetProperty("type").GetString());
        Assert.Equal(param, error.GetProperty("param").GetString());
        Assert.NotEmpty(error.GetProperty("message").GetString()!);
    }

    [Fact]
    public async Task Post_PromptLongerThanTheContext_NamesBothLengthsAndTheRemedy()
    {
        var (status, body) = await _host.PostAsync(
            Path, $$"""{"messages":[{"role":"user","content":"{{new string('x', 64)}}"}]}""");

        Assert.Equal(400, status);
        var message = JsonDocument.Parse(body).RootElement.GetProperty("error").GetProperty("message").GetString();
        Assert.Contains("maximum context length is 64 tokens", message, StringComparison.Ordinal);
        Assert.Contains("64 input tokens", message, StringComparison.Ordinal);
        Assert.Contains("max_model_len", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Post_EngineFails_IsAServerErrorAndTheNextCallWorks()
    {
        const string Ask = """{"messages":[{"role":"user","content":"hello"}],"temperature":0}""";
        _engine.Failures = 1;

        var (first, body) = await _host.PostAsync(Path, Ask);
        await InferenceHostFixture.UntilAsync(async () => (await _host.GetAsync("/health")).Status == 200);
        var (second, _) = await _host.PostAsync(Path, Ask);

        Assert.Equal(500, first);
        Assert.Contains("InternalServerError", body, StringComparison.Ordinal);
        Assert.DoesNotContain("scripted failure", body, StringComparison.Ordinal);
        Assert.Equal(200, second);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _engine.Dispose();
    }
}
