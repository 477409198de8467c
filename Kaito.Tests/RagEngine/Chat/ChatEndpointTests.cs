using System.Text;
using System.Text.Json.Nodes;
using Kaito.RagEngine;
using Microsoft.AspNetCore.Http;

namespace Kaito.Tests.RagEngine.Chat;

/// <summary>The rows of upstream's test_chat_completions.py that are not about guardrails.</summary>
public sealed class ChatEndpointTests : IAsyncLifetime
{
    private const string Route = "/v1/chat/completions";
    private const string Question = """{"role":"user","content":"What is the capital of France?"}""";

    private ScriptedModel _model = null!;
    private RagFixture _rag = null!;

    public async ValueTask InitializeAsync()
    {
        _model = await ScriptedModel.StartAsync();
        _rag = await StartAsync(static options => options);
    }

    public async ValueTask DisposeAsync()
    {
        await _rag.DisposeAsync();
        await _model.DisposeAsync();
    }

    [Fact]
    public async Task Chat_OverAnIndex_AnswersWithSources()
    {
        await IndexAsync();

        var (status, body) = await ChatAsync($$"""{"index_name":"i","model":"mock-model","temperature":0.7,"max_tokens":100,"stop":["x"],"seed":7,"messages":[{{Question}}]}""");

        Assert.Equal(200, status);
        Assert.Equal(("chatcmpl-test123", "mock-model"), ((string?)body!["id"], (string?)body["model"]));
        Assert.Equal("length", (string?)body["choices"]![0]!["finish_reason"]);
        Assert.Equal(37, (int)body["usage"]!["total_tokens"]!);
        var sources = body["source_nodes"]!.AsArray();
        Assert.Equal("Paris is the capital of France.", (string?)sources[0]!["text"]);
        Assert.Equal("Paris is the capital of France.", (string?)sources[0]!["citation"]!["quote"]);
        Assert.Empty(sources[0]!["metadata"]!.AsObject());
        Assert.InRange((double)sources[0]!["score"]!, 0, 2);

        var asked = Assert.Single(_model.Asked);
        Assert.Equal((0.7, 100, 7), ((double)asked["temperature"]!, (int)asked["max_tokens"]!, (int)asked["seed"]!));
        Assert.Equal("""["x"]""", asked["stop"]!.ToJsonString());
        Assert.Null(asked["index_name"]);
        Assert.Equal(2, asked["messages"]!.AsArray().Count);
        Assert.Equal("system", (string?)asked["messages"]![0]!["role"]);
        var system = (string)asked["messages"]![0]!["content"]!;
        Assert.StartsWith("Use the context information below to assist the user.\n--------------------\nParis", system, StringComparison.Ordinal);
        Assert.EndsWith("\n--------------------\n", system, StringComparison.Ordinal);
        var metrics = await _rag.MetricsAsync();
        Assert.Contains("rag_chat_requests_total{status=\"success\"} 1.0\n", metrics, StringComparison.Ordinal);
        Assert.Contains("rag_chat_latency_seconds", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Chat_WithoutIndex_KeepsTheModelsAnswer()
    {
        var (status, body) = await ChatAsync($$$"""{"model":"mock-model","messages":[{{{Question}}}],"logit_bias":{"1":2}}""");

        Assert.Equal((200, "chatcmpl-test123"), (status, (string?)body!["id"]));
        Assert.True(body.AsObject().ContainsKey("source_nodes"));
        Assert.Null(body["source_nodes"]);
        Assert.Equal("""{"1":2}""", Assert.Single(_model.Asked)["logit_bias"]!.ToJsonString());
        Assert.Equal(("Bearer secret", "KAITO-RagEngine/dev"), Assert.Single(_model.Headers));
    }

    [Fact]
    public async Task Chat_WithoutModel_TakesTheServers()
    {
        await IndexAsync();
        await ChatAsync($$"""{"index_name":"i","messages":[{{Question}}]}""");

        Assert.Equal("mock-model", (string?)Assert.Single(_model.Asked)["model"]);
    }

    [Fact]
    public async Task Chat_WithoutInferenceService_Is503InUpstreamsWords()
    {
        await using var rag = await RagFixture.StartAsync();

        var (status, body) = await rag.PostAsync(Route, "{}");

        Assert.Equal(503, status);
        Assert.Equal(
            "InferenceService not configured. This RAGEngine instance only supports document retrieve via /retrieve API. "
            + "To use chat completions, configure an InferenceService in the RAGEngine spec.",
            (string?)body!["detail"]);
    }

    [Theory]
    [InlineData("""{"index_name":"nonexistent_index","messages":[]}""", 404, "No such index: 'nonexistent_index' exists")]
    [InlineData("""{"index_name":"i","messages":[{"content":"x"}]}""", 400, "messages must contain 'role'")]
    [InlineData("""{"index_name":"i","messages":[{"role":"user"}]}""", 400, "messages must contain 'content' for role 'user'")]
    [InlineData("""{"index_name":"i","messages":[{"role":"user","content":""}]}""", 400, "user messages must contain 'content'")]
    [InlineData("""{"index_name":"i","messages":[]}""", 400, "There must be a user prompt since the latest assistant message.")]
    [InlineData("""{"index_name":"i","context_token_ratio":0.9,"messages":[{"role":"user","content":"x"}]}""", 400, "Invalid context_token_ratio: 0.9. Must be between 0.2 and 0.8.")]
    [InlineData("""{"index_name":"i","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"system","content":"c"}]}""", 400, "There must be a user prompt")]
    public async Task Chat_Refused_InUpstreamsWords(string json, int status, string detail)
    {
        await IndexAsync();

        var (answered, body) = await ChatAsync(json);

        Assert.Equal(status, answered);
        Assert.Contains(detail, (string?)body!["detail"], StringComparison.Ordinal);
        Assert.Empty(_model.Asked);
    }

    [Theory]
    [InlineData("""{"role":"system","content":"Be brief."},{"role":"user","content":"capital of France?"}""", "system,system,user")]
    [InlineData("""{"role":"developer","content":"Be brief."},{"role":"user","content":"capital of France?"}""", "system,developer,user")]
    [InlineData("""{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"},{"role":"user","content":"capital of France?"}""", "system,user,assistant,user")]
    [InlineData("""{"role":"user","content":"Hi"},{"role":"assistant","content":null},{"role":"user","content":"capital of France?"},{"role":"developer","content":"d"}""", "system,user,assistant,developer,user")]
    [InlineData("""{"role":"assistant","content":"Hello"},{"role":"developer","content":"d"},{"role":"user","content":[{"type":"text","text":"capital"},{"type":"text","text":"of France?"}]}""", "system,assistant,developer,user")]
    public async Task Chat_Conversations_KeepHistoryBeforeTheQuestion(string messages, string roles)
    {
        await IndexAsync();

        var (status, body) = await ChatAsync($$"""{"index_name":"i","model":"m","messages":[{{messages}}]}""");

        Assert.Equal(200, status);
        Assert.NotEmpty(body!["source_nodes"]!.AsArray());
        Assert.Equal(roles, string.Join(',', Assert.Single(_model.Asked)["messages"]!.AsArray().Select(static m => (string?)m!["role"])));
    }

    [Theory]
    [InlineData("""{"role":"user","content":[{"type":"text","text":"Look"},{"type":"image_url","image_url":{"url":"x"}}]}""")]
    [InlineData("""{"role":"function","name":"f","content":"result"}""")]
    [InlineData("""{"role":"user","content":{"type":"other"}}""")]
    public async Task Chat_MessagesOfMoreThanText_GoToTheModelAlone(string message)
    {
        await IndexAsync();

        var (status, body) = await ChatAsync($$"""{"index_name":"i","model":"m","messages":[{{message}}]}""");

        Assert.Equal(200, status);
        Assert.Null(body!["source_nodes"]);
        Assert.Equal(message.Replace(" ", "", StringComparison.Ordinal), Assert.Single(_model.Asked)["messages"]![0]!.ToJsonString());
    }

    [Theory]
    [InlineData("""{"messages":null}""")]
    [InlineData("""{"model":"m","messages":[]}""")]
    [InlineData("""{"model":"m","messages":[{"role":"function","name":"f","content":"result"}]}""")]
    public async Task Chat_RefusedByTheModel_RelaysStatusAndText(string json)
    {
        _model.Answer = static http => ScriptedModel.JsonAsync(http, 400, """{"error":"Invalid request"}""");

        var (status, body) = await ChatAsync(json);

        Assert.Equal(400, status);
        Assert.Contains("Invalid request", (string?)body!["detail"], StringComparison.Ordinal);
        Assert.Contains("rag_chat_requests_total{status=\"failure\"} 1.0\n", await _rag.MetricsAsync(), StringComparison.Ordinal);
        Assert.Contains("rag_chat_latency_seconds_count{status=\"failure\"} 1.0\n", await _rag.MetricsAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Chat_ModelFailsOverAnIndex_KeepsItsStatusAndUpstreamsWords()
    {
        await IndexAsync();
        _model.Answer = static http => ScriptedModel.JsonAsync(http, 500, """{"error":"boom"}""");

        var (status, body) = await ChatAsync($$"""{"index_name":"i","messages":[{{Question}}]}""");

        Assert.Equal(500, status);
        Assert.Contains("An unexpected error occurred", (string?)body!["detail"], StringComparison.Ordinal);
        Assert.Single(_model.Asked);
    }

    [Fact]
    public async Task Chat_ModelBusyAtFirst_IsAskedAgain()
    {
        var calls = 0;
        _model.Answer = http => ++calls < 3
            ? ScriptedModel.JsonAsync(http, 503, "{}")
            : ScriptedModel.JsonAsync(http, 200, ScriptedModel.Whole);

        Assert.Equal(200, (await ChatAsync($$"""{"model":"m","messages":[{{Question}}]}""")).Status);
        Assert.Equal(3, calls);
    }

    [Fact]
    public async Task Chat_AnswerOfAnotherForm_GetsWhatItLacks()
    {
        await IndexAsync();
        _model.Answer = static http => ScriptedModel.JsonAsync(http, 200, """{"result":"odd"}""");

        var (status, body) = await ChatAsync($$"""{"index_name":"i","model":"m","messages":[{{Question}}]}""");

        Assert.Equal((200, "chat.completion", ""), (status, (string?)body!["object"], (string?)body["choices"]![0]!["message"]!["content"]));
        Assert.NotEmpty(body["source_nodes"]!.AsArray());
        Assert.True((int)body["usage"]!["prompt_tokens"]! > 0);
        Assert.Equal(400, (await ChatAsync($$"""{"model":"m","messages":[{{Question}}]}""")).Status);
    }

    [Fact]
    public async Task Chat_NothingRelated_AsksTheModelWithTheOriginalMessage()
    {
        await using var rag = await StartAsync(static o => o with { SimilarityThreshold = 0.0001 });
        await rag.IndexAsync("i", "Paris is the capital of France.");

        var (status, body) = await rag.PostAsync(Route, $$"""{"index_name":"i","model":"m","messages":[{{Question}}]}""");

        Assert.Equal(200, status);
        Assert.Null(body!["source_nodes"]);
        Assert.Equal(Question, Assert.Single(Assert.Single(_model.Asked)["messages"]!.AsArray())!.ToJsonString());
    }

    [Fact]
    public async Task Chat_WindowThatIsNotSet_IsTheServers()
    {
        await IndexAsync();
        var content = string.Join(' ', Enumerable.Repeat("a", 2048));

        var (status, body) = await ChatAsync(
            $$"""{"index_name":"i","messages":[{"role":"user","content":"{{content}}"}]}""");

        Assert.Equal((400, "Prompt length exceeds context window."), (status, (string?)body!["detail"]));
    }

    [Theory]
    [InlineData(498, 200)]
    [InlineData(499, 200)]
    [InlineData(500, 400)]
    [InlineData(600, 400)]
    public async Task Chat_PromptAtTheWindow_IsAllowedUpToEquality(int words, int status)
    {
        await using var rag = await StartAsync(static o => o with { ContextTokens = 500 });
        await rag.IndexAsync("i", "text");
        var content = string.Join(' ', Enumerable.Repeat("a", words));

        var (answered, body) = await rag.PostAsync(
            Route, new JsonObject { ["index_name"] = "i", ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = content }) });

        Assert.Equal(status, answered);
        Assert.Equal(status == 200 ? null : "Prompt length exceeds context window.", (string?)body!["detail"]);
    }

    [Theory]
    [InlineData("""{"tools":[{}],"messages":[]}""", "tools and functions are not supported.")]
    [InlineData("""{"functions":[{}],"messages":[]}""", "tools and functions are not supported.")]
    [InlineData("""{"n":2,"messages":[]}""", "n > 1 is not supported.")]
    [InlineData("""{"index_name":"i","stream":true,"messages":[]}""", "stream=true is only supported for passthrough chat completions.")]
    public async Task Chat_WithUpstreamLimits_RefusesWhatUpstreamRefuses(string json, string detail)
    {
        await using var rag = await StartAsync(static o => o with { UpstreamLimits = true });
        await rag.IndexAsync("i", "text");

        var (status, body) = await rag.PostAsync(Route, json);

        Assert.Equal((400, detail), (status, (string?)body!["detail"]));
    }

    [Fact]
    public async Task Chat_ToolsOverAnIndex_AreForwarded()
    {
        await IndexAsync();
        await ChatAsync($$$"""{"index_name":"i","model":"m","n":2,"tools":[{"type":"function","function":{"name":"f"}}],"messages":[{{{Question}}}]}""");

        var asked = Assert.Single(_model.Asked);
        Assert.Equal(("f", 2), ((string?)asked["tools"]![0]!["function"]!["name"], (int)asked["n"]!));
    }

    [Fact]
    public async Task Stream_RefusedByTheModel_HasItsStatus()
    {
        _model.Answer = static http => ScriptedModel.JsonAsync(http, 401, """{"error":"unauthorized"}""");

        var (status, body) = await ChatAsync($$"""{"model":"m","stream":true,"messages":[{{Question}}]}""");

        Assert.Equal(401, status);
        Assert.Contains("unauthorized", (string?)body!["detail"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Stream_FirstEvent_ArrivesWhileTheModelHoldsTheSecond(bool overIndex)
    {
        await IndexAsync();
        const string First = "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\n";
        const string Second = "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo\"}}]}\n\ndata: [DONE]\n\n";
        var seen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _model.Answer = async http =>
        {
            http.Response.ContentType = "text/event-stream";
            await http.Response.WriteAsync(First);
            await http.Response.Body.FlushAsync();
            await seen.Task.WaitAsync(TimeSpan.FromSeconds(20));
            await http.Response.WriteAsync(Second);
        };

        using var content = new StringContent(
            $$"""{"model":"m","stream":true,{{(overIndex ? "\"index_name\":\"i\"," : "")}}"messages":[{{Question}}]}""",
            Encoding.UTF8, "application/json");
        using var request = new HttpRequestMessage(HttpMethod.Post, Route) { Content = content };
        using var response = await _rag.Http.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        var before = new StringBuilder();
        while (!before.ToString().EndsWith("Hel\"}}]}\n", StringComparison.Ordinal))
        {
            before.Append(await reader.ReadLineAsync(TestContext.Current.CancellationToken)).Append('\n');
        }

        seen.SetResult();
        var all = before + await reader.ReadToEndAsync(TestContext.Current.CancellationToken);

        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        Assert.Equal("no-cache", response.Headers.CacheControl!.ToString());
        Assert.EndsWith(First + Second, all, StringComparison.Ordinal);
        Assert.True((bool)Assert.Single(_model.Asked)["stream"]!);
        Assert.Equal(overIndex, all.Contains("\"source_nodes\":[{", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Stream_ThatBreaksOff_EndsWithAnErrorEvent()
    {
        var seen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _model.Answer = async http =>
        {
            http.Response.ContentType = "text/event-stream";
            await http.Response.WriteAsync("data: {}\n\n");
            await http.Response.Body.FlushAsync();
            await seen.Task.WaitAsync(TimeSpan.FromSeconds(20));
            http.Abort();
        };
        using var content = new StringContent(
            $$"""{"model":"m","stream":true,"messages":[{{Question}}]}""", Encoding.UTF8, "application/json");
        using var request = new HttpRequestMessage(HttpMethod.Post, Route) { Content = content };
        using var response = await _rag.Http.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        Assert.Equal("data: {}", await reader.ReadLineAsync(TestContext.Current.CancellationToken));
        seen.SetResult();

        Assert.Contains(
            "data: {\"error\":", await reader.ReadToEndAsync(TestContext.Current.CancellationToken),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Chat_SilentModel_TimesOut()
    {
        await using var rag = await StartAsync(static o => o with { ModelTimeout = TimeSpan.FromMilliseconds(300) });
        _model.Answer = static async http => await Task.Delay(TimeSpan.FromSeconds(30), TimeProvider.System, http.RequestAborted);

        var (status, body) = await rag.PostAsync(Route, $$"""{"model":"m","messages":[{{Question}}]}""");

        Assert.Equal(504, status);
        Assert.Contains("said nothing", (string?)body!["detail"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Chat_MoreThanMayWait_AreTurnedAwayAtOnce()
    {
        await using var rag = await StartAsync(static o => o with { MostChats = 1 });
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _model.Answer = async http =>
        {
            await release.Task.WaitAsync(TimeSpan.FromSeconds(30));
            await ScriptedModel.JsonAsync(http, 200, ScriptedModel.Whole);
        };
        var calls = Enumerable.Range(0, 5)
            .Select(_ => rag.PostAsync(Route, $$"""{"model":"m","messages":[{{Question}}]}""")).ToList();
        var refused = 0;
        while (refused < 3)
        {
            var done = await Task.WhenAny(calls);
            Assert.Equal(503, (await done).Status);
            calls.Remove(done);
            refused++;
        }

        release.SetResult();
        Assert.All(await Task.WhenAll(calls), static answer => Assert.Equal(200, answer.Status));
    }

    private Task<RagFixture> StartAsync(Func<RagEngineOptions, RagEngineOptions> change) => RagFixture.StartAsync(
        options => change(options with { Model = new(_model.Url, "secret") }));

    private Task<(int Status, JsonNode? Body)> IndexAsync() => _rag.IndexAsync(
        "i", "Paris is the capital of France.", "Bread is baked in an oven.", "The Rhine flows through Cologne.");

    private Task<(int Status, JsonNode? Body)> ChatAsync(string json) => _rag.PostAsync(Route, json);
}
