using System.Text.Json;
using Kaito.InferenceHost.Generation;
using Kaito.InferenceHost.Models;
using Microsoft.Extensions.DependencyInjection;

namespace Kaito.Tests.InferenceHost.Http;

public sealed class ServiceEndpointsTests
{
    private const string Ask = """{"messages":[{"role":"user","content":"hello"}],"temperature":0}""";

    [Fact]
    public async Task Health_WhileLoading_Is503AndThen200()
    {
        using var loading = new ManualResetEventSlim();
        var engine = new ScriptedEngine();
        await using var host = await InferenceHostFixture.StartAsync(
            () =>
            {
                loading.Wait(TimeSpan.FromSeconds(20));
                return ScriptedEngine.Load(engine);
            },
            untilReady: false);

        Assert.Equal(503, (await host.GetAsync("/health")).Status);
        var (chat, body) = await host.PostAsync("/v1/chat/completions", Ask);
        Assert.Equal(503, chat);
        Assert.Contains("still loading", body, StringComparison.Ordinal);

        loading.Set();
        await InferenceHostFixture.UntilAsync(async () => (await host.GetAsync("/health")).Status == 200);
        Assert.Equal(200, (await host.PostAsync("/ping", "")).Status);
    }

    [Theory]
    [InlineData("application/json", """{"status":"Healthy"}""")]
    [InlineData("*/*", "")]
    public async Task Health_Ready_HasABodyForClientsOfTheFirstRuntimesOnly(string accept, string expected)
    {
        await using var host = await StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/health");
        request.Headers.Accept.ParseAdd(accept);

        using var answer = await host.Client.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal(200, (int)answer.StatusCode);
        Assert.Equal(expected, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Models_List_NamesRootAndLength()
    {
        await using var host = await StartAsync();

        var (_, body) = await host.GetAsync("/v1/models");

        var card = JsonDocument.Parse(body).RootElement.GetProperty("data")[0];
        Assert.Equal("scripted", card.GetProperty("id").GetString());
        Assert.Equal("/models/scripted", card.GetProperty("root").GetString());
        Assert.Equal(64, card.GetProperty("max_model_len").GetInt32());
        Assert.Equal(JsonValueKind.Null, card.GetProperty("parent").ValueKind);
        Assert.Equal(200, (await host.GetAsync("/v1/models/scripted")).Status);
        Assert.Equal(404, (await host.GetAsync("/v1/models/other")).Status);
    }

    [Fact]
    public async Task Metrics_AfterOneChat_CountsItsTokens()
    {
        await using var host = await StartAsync();
        Assert.Contains(
            "vllm:generation_tokens_total{engine=\"0\",model_name=\"scripted\"} 0\n",
            (await host.GetAsync("/metrics")).Body);

        _ = await host.PostAsync("/v1/chat/completions", Ask);

        var (_, body) = await host.GetAsync("/metrics");
        Assert.Contains("vllm:generation_tokens_total{engine=\"0\",model_name=\"scripted\"} 6\n", body);
        Assert.Contains("vllm:prompt_tokens_total{engine=\"0\",model_name=\"scripted\"} 5\n", body);
        Assert.Contains("finished_reason=\"stop\"} 1\n", body);
        Assert.Contains("vllm:time_to_first_token_seconds_count{engine=\"0\",model_name=\"scripted\"} 1\n", body);
    }

    [Fact]
    public async Task UnknownRouteAndWrongContentType_AreErrorObjects()
    {
        await using var host = await StartAsync();

        Assert.Equal(404, (await host.GetAsync("/v2/nothing")).Status);
        using var text = new StringContent(Ask);
        using var response = await host.Client.PostAsync(
            "/v1/chat/completions", text, TestContext.Current.CancellationToken);
        Assert.Equal(400, (int)response.StatusCode);
        Assert.Contains(
            "application/json",
            await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Post_BodyTooLarge_Is413()
    {
        await using var host = await StartAsync();

        // Waits for the server's word before it sends the body, so the refusal can be read.
        host.Client.DefaultRequestHeaders.ExpectContinue = true;
        var (status, body) = await host.PostAsync(
            "/v1/completions", "{\"prompt\":\"" + new string('x', 5 << 20) + "\"}");

        Assert.Equal(413, status);
        Assert.Contains("\"error\"", body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"prompt":"hi"}""", 200, "{\"Result\":\"hihi\"}")]
    [InlineData(
        """{"prompt":"hi","return_full_text":false,"generate_kwargs":{"do_sample":false}}""", 200, "{\"Result\":\"hi\"}")]
    [InlineData("""{"messages":[{"role":"user","content":"hi"}]}""", 200, "{\"Result\":\"hi\"}")]
    [InlineData("{}", 400, "{\"detail\":\"Text generation parameter prompt required\"}")]
    public async Task LegacyChat_PromptOrMessages_AnswersResult(string json, int status, string expected)
    {
        await using var host = await StartAsync();

        Assert.Equal((status, expected), await host.PostAsync("/chat", json));
    }

    [Theory]
    [InlineData("""{"prompt":"ab","echo":true}""", new[] { "abab" })]
    [InlineData("""{"prompt":["ab","cd"],"max_tokens":1}""", new[] { "a", "c" })]
    [InlineData("""{"prompt":[97,98]}""", new[] { "ab" })]
    [InlineData("""{"prompt":[[97],[98]]}""", new[] { "a", "b" })]
    public async Task Completions_EveryPromptForm_AnswersInOrder(string json, string[] expected)
    {
        await using var host = await StartAsync();

        var (_, body) = await host.PostAsync("/v1/completions", json);

        Assert.Equal(
            expected,
            JsonDocument.Parse(body).RootElement.GetProperty("choices").EnumerateArray()
                .Select(c => c.GetProperty("text").GetString()));
    }

    [Theory]
    [InlineData("{}", "prompt")]
    [InlineData("""{"prompt":[]}""", "prompt")]
    [InlineData("""{"prompt":[500]}""", "prompt")]
    [InlineData("""{"prompt":{"a":1}}""", "body.prompt")]
    [InlineData("""{"prompt":"x","suffix":"y"}""", "suffix")]
    public async Task Completions_BadPrompt_NamesTheField(string json, string param)
    {
        await using var host = await StartAsync();

        var (status, body) = await host.PostAsync("/v1/completions", json);

        Assert.Equal(400, status);
        Assert.Equal(param, JsonDocument.Parse(body).RootElement.GetProperty("error").GetProperty("param").GetString());
    }

    [Fact]
    public async Task Post_QueueFull_Is503WithRetryAfterAndHealthStaysUp()
    {
        var engine = new ScriptedEngine(slots: 1);
        await using var host = await InferenceHostFixture.StartAsync(
            () => ScriptedEngine.Load(engine), InferenceHostFixture.Options with { QueueCapacity = 1 });
        engine.Gate.Reset();
        var running = host.PostAsync("/v1/chat/completions", Ask);
        await InferenceHostFixture.UntilAsync(() => Task.FromResult(engine.RunningCount == 1));
        var queued = host.PostAsync("/v1/chat/completions", Ask);
        var scheduler = host.App.Services.GetRequiredService<GenerationScheduler>();
        await InferenceHostFixture.UntilAsync(() => Task.FromResult(scheduler.Waiting == 1));
        using var refused = await host.Client.PostAsync(
            "/v1/chat/completions", InferenceHostFixture.Json(Ask), TestContext.Current.CancellationToken);

        Assert.Equal(503, (int)refused.StatusCode);
        Assert.NotNull(refused.Headers.RetryAfter);
        Assert.Equal(200, (await host.GetAsync("/health")).Status);
        engine.Gate.Set();
        Assert.Equal(200, (await running).Status);
        Assert.Equal(200, (await queued).Status);
    }

    [Fact]
    public async Task Stop_WithARunningAnswer_RefusesNewWorkAndFinishesIt()
    {
        var engine = new ScriptedEngine();
        var host = await InferenceHostFixture.StartAsync(() => ScriptedEngine.Load(engine));
        engine.Gate.Reset();
        var running = host.PostAsync("/v1/chat/completions", Ask);
        await InferenceHostFixture.UntilAsync(() => Task.FromResult(engine.RunningCount == 1));

        var stopping = host.App.StopAsync(TestContext.Current.CancellationToken);
        var scheduler = host.App.Services.GetRequiredService<GenerationScheduler>();
        await InferenceHostFixture.UntilAsync(() => Task.FromResult(scheduler.State == HostState.Draining));
        Assert.Equal(503, (await host.PostAsync("/v1/chat/completions", Ask)).Status);
        Assert.Equal(503, (await host.GetAsync("/health")).Status);
        engine.Gate.Set();

        var (status, body) = await running;
        Assert.Equal(200, status);
        Assert.Contains("\"finish_reason\":\"stop\"", body, StringComparison.Ordinal);
        await stopping;
        await host.DisposeAsync();
    }

    [Fact]
    public async Task Load_Fails_StopsTheHostAndKeepsTheReason()
    {
        await using var host = await InferenceHostFixture.StartAsync(
            () => throw new ModelLoadException("genai_config.json: bad"), untilReady: false);
        var scheduler = host.App.Services.GetRequiredService<GenerationScheduler>();

        await InferenceHostFixture.UntilAsync(() => Task.FromResult(scheduler.Failure is not null));

        Assert.Equal("genai_config.json: bad", scheduler.Failure);
    }

    private static Task<InferenceHostFixture> StartAsync() =>
        InferenceHostFixture.StartAsync(() => ScriptedEngine.Load(new()));
}
