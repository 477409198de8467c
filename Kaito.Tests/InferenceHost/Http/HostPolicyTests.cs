using System.Net;
using System.Text.Json.Nodes;
using Kaito.InferenceHost;

namespace Kaito.Tests.InferenceHost.Http;

/// <summary>Keys, limits, other origins, tokens and figures: what surrounds generation.</summary>
public sealed class HostPolicyTests : IAsyncDisposable
{
    private const string Chat = "/v1/chat/completions";
    private const string Ask = """{"messages":[{"role":"user","content":"ab"}],"temperature":0}""";

    private readonly ScriptedEngine _engine = new(slots: 1);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("POST", Chat, null, 401)]
    [InlineData("POST", Chat, "Bearer wrong", 401)]
    [InlineData("POST", Chat, "Basic second", 401)]
    [InlineData("POST", Chat, "Bearer first", 200)]
    [InlineData("POST", Chat, "bearer second", 200)]
    [InlineData("POST", "/tokenize", null, 401)]
    [InlineData("GET", "/v1/models", null, 401)]
    [InlineData("GET", "/V1/models", null, 401)]
    [InlineData("GET", "/v1/models", "Bearer first", 200)]
    [InlineData("GET", "/health", null, 200)]
    [InlineData("GET", "/metrics", null, 200)]
    [InlineData("GET", "/version", null, 200)]
    [InlineData("POST", "/ping", null, 200)]
    public async Task Keys_Set_AreAskedForWhereTheModelIsReached(string method, string path, string? shown, int expected)
    {
        await using var host = await StartAsync(static o => o with { ApiKeys = ["first", "second"] });
        using var request = new HttpRequestMessage(new(method), path);
        request.Content = method == "POST" ? InferenceHostFixture.Json(path == "/tokenize" ? """{"prompt":"a"}""" : Ask) : null;
        if (shown is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", shown);
        }

        using var answer = await host.Client.SendAsync(request, Stop);

        Assert.Equal(expected, (int)answer.StatusCode);
        if (expected == 401)
        {
            Assert.Equal("""{"error":"Unauthorized"}""", await answer.Content.ReadAsStringAsync(Stop));
        }
    }

    [Fact]
    public async Task RateLimit_TooManyWait_Is429UntilTheyAreServed()
    {
        await using var host = await StartAsync(static o => o with { RateLimit = 1 });
        _engine.Gate.Reset();
        var first = host.PostAsync(Chat, Ask);
        await InferenceHostFixture.UntilAsync(() => Task.FromResult(_engine.RunningCount == 1));
        Task<(int Status, string Body)>[] served = [first, host.PostAsync(Chat, Ask), host.PostAsync(Chat, Ask)];
        await InferenceHostFixture.UntilAsync(async () =>
            (int)JsonNode.Parse((await host.GetAsync("/load")).Body)!["server_load"]! == 3);

        using var rejected = await host.Client.PostAsync(Chat, InferenceHostFixture.Json(Ask), Stop);
        var (open, _) = await host.PostAsync("/tokenize", """{"prompt":"a"}""");
        _engine.Gate.Set();
        var answers = await Task.WhenAll(served);

        Assert.Equal(HttpStatusCode.TooManyRequests, rejected.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(1), rejected.Headers.RetryAfter!.Delta);
        var error = JsonNode.Parse(await rejected.Content.ReadAsStringAsync(Stop))!["error"]!;
        Assert.Equal("rate_limit_exceeded", (string?)error["code"]);
        Assert.Equal("Too many requests: waiting queue (2) exceeds max-num-seqs (1).", (string?)error["message"]);
        Assert.Equal(200, open);
        Assert.All(answers, static a => Assert.Equal(200, a.Status));
        Assert.Equal(200, (await host.PostAsync(Chat, Ask)).Status);
        Assert.Contains("kaito_ratelimit_rejected_total 1", (await host.GetAsync("/metrics")).Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://any.example", "*", "*")]
    [InlineData("https://one.example", "https://one.example", "https://one.example")]
    [InlineData("https://two.example", "https://one.example", null)]
    public async Task Origins_OfAWebPage_AreAnsweredAsConfigured(string origin, string allowed, string? expected)
    {
        await using var host = await StartAsync(o => o with { AllowedOrigins = [allowed], ApiKeys = ["key"] });
        using var request = new HttpRequestMessage(HttpMethod.Options, Chat);
        request.Headers.Add("Origin", origin);
        request.Headers.Add("Access-Control-Request-Method", "POST");
        request.Headers.Add("Access-Control-Request-Headers", "authorization,content-type");

        using var answer = await host.Client.SendAsync(request, Stop);

        Assert.Equal(
            expected,
            answer.Headers.TryGetValues("Access-Control-Allow-Origin", out var values) ? values.Single() : null);
    }

    [Theory]
    [InlineData("""{"prompt":"ab","return_token_strs":true}""", "97 98", "a b")]
    [InlineData("""{"messages":[{"role":"user","content":"abc"}]}""", "97 98 99", null)]
    public async Task Tokenize_PromptOrMessages_GivesIdsAndLimit(string json, string ids, string? texts)
    {
        await using var host = await StartAsync();

        var answer = JsonNode.Parse((await host.PostAsync("/tokenize", json)).Body)!;

        Assert.Equal(ids, string.Join(' ', answer["tokens"]!.AsArray().Select(static t => (int)t!)));
        Assert.Equal((ids.Split(' ').Length, 64), ((int)answer["count"]!, (int)answer["max_model_len"]!));
        Assert.Equal(texts, answer["token_strs"] is { } strings ? string.Join(' ', strings.AsArray()) : null);
    }

    [Theory]
    [InlineData("/tokenize", "{}", "prompt")]
    [InlineData("/tokenize", """{"messages":[]}""", "messages")]
    [InlineData("/tokenize", """{"model":"other","prompt":"a"}""", "model")]
    [InlineData("/detokenize", "{}", "tokens")]
    [InlineData("/detokenize", """{"tokens":[-1]}""", "tokens")]
    [InlineData("/detokenize", """{"tokens":[128]}""", "tokens")]
    public async Task Tokens_BadInput_NamesTheMember(string path, string json, string param)
    {
        await using var host = await StartAsync();

        var (status, body) = await host.PostAsync(path, json);

        Assert.InRange(status, 400, 404);
        Assert.Equal(param, (string?)JsonNode.Parse(body)!["error"]!["param"]);
    }

    [Theory]
    [InlineData("/", "text/html,application/xhtml+xml", "text/html", "Kaito playground")]
    [InlineData("/", "*/*", "application/json", "Server is running")]
    [InlineData("/playground.js", "*/*", "text/javascript", "v1/chat/completions")]
    public async Task Root_ForBrowsersAndOthers_IsThePageOrTheMessage(string path, string accept, string type, string part)
    {
        await using var host = await StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Accept.ParseAdd(accept);

        using var answer = await host.Client.SendAsync(request, Stop);
        var body = await answer.Content.ReadAsStringAsync(Stop);

        Assert.Equal(type, answer.Content.Headers.ContentType!.MediaType);
        Assert.Contains(part, body, StringComparison.Ordinal);
        Assert.DoesNotContain("://", body, StringComparison.Ordinal);
        if (type != "application/json")
        {
            Assert.Contains("default-src 'none'", answer.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(Chat)]
    [InlineData("/tokenize")]
    [InlineData("/chat")]
    public async Task Body_OfBrokenCharacters_IsRefused(string path)
    {
        await using var host = await StartAsync();
        using var body = new ByteArrayContent([.. "{\"prompt\":\"a\",\"x"u8, 0xC3, .. "\":1}"u8]);
        body.Headers.ContentType = new("application/json");

        using var answer = await host.Client.PostAsync(path, body, Stop);

        Assert.InRange((int)answer.StatusCode, 400, 422);
        Assert.Contains("UTF-8", await answer.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Detokenize_Ids_GivesTheText()
    {
        await using var host = await StartAsync();

        Assert.Equal("""{"prompt":"hi"}""", (await host.PostAsync("/detokenize", """{"tokens":[104,105]}""")).Body);
    }

    [Fact]
    public async Task Metrics_BeforeTheFirstRequest_HaveEverySeriesThatOthersRead()
    {
        await using var host = await StartAsync();

        var page = (await host.GetAsync("/metrics")).Body;

        string[] read =
        [
            "vllm:num_requests_waiting", "vllm:num_requests_running", "vllm:kv_cache_usage_perc",
            "vllm:gpu_cache_usage_perc", "vllm:lora_requests_info", "vllm:generation_tokens_total",
            "vllm:prompt_tokens_total", "vllm:num_preemptions_total", "vllm:prefix_cache_hits_total",
            "vllm:request_success_total", "vllm:time_to_first_token_seconds_count", "vllm:iteration_tokens_total_count",
            "vllm:time_per_output_token_seconds_count", "vllm:request_params_n_count",
            "vllm:spec_decode_num_drafts_total", "vllm:spec_decode_num_draft_tokens_total",
            "vllm:spec_decode_num_accepted_tokens_total", "vllm:spec_decode_num_accepted_tokens_per_pos_total",
        ];
        Assert.All(read, name => Assert.Matches($"(?m)^{name}\\{{[^}}]*\\}} 0$", page));
        Assert.Matches("vllm:cache_config_info\\{[^}]*block_size=\"16\",num_gpu_blocks=\"[0-9]+\"[^}]*\\} 1", page);
        Assert.Contains("kaito_ratelimit_rejected_total 0", page, StringComparison.Ordinal);
        Assert.Equal(
            page.Split('\n').Count(static l => l.StartsWith("# TYPE", StringComparison.Ordinal)),
            page.Split('\n').Where(static l => l.StartsWith("# TYPE", StringComparison.Ordinal)).Distinct().Count());
    }

    public ValueTask DisposeAsync()
    {
        _engine.Dispose();
        return ValueTask.CompletedTask;
    }

    private Task<InferenceHostFixture> StartAsync(Func<InferenceHostOptions, InferenceHostOptions>? with = null) =>
        InferenceHostFixture.StartAsync(
            () => ScriptedEngine.Load(_engine), with?.Invoke(InferenceHostFixture.Options) ?? InferenceHostFixture.Options);
}
