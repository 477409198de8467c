using System.Text.Json.Nodes;

namespace Kaito.Tests.InferenceHost.Conformance;

/// <summary>What members of a request do, told by a model that repeats its prompt and then ends.</summary>
public sealed class ProtocolMembersTests : IAsyncLifetime
{
    private readonly ScriptedEngine _engine = new();
    private InferenceHostFixture _host = null!;

    public async ValueTask InitializeAsync() =>
        _host = await InferenceHostFixture.StartAsync(() => ScriptedEngine.Load(_engine));

    [Theory]
    [InlineData("""{}""", "abcd", "stop", null)]
    [InlineData("""{"max_tokens":2}""", "ab", "length", null)]
    [InlineData("""{"max_tokens":null}""", "abcd", "stop", null)]
    [InlineData("""{"stop":"c"}""", "ab", "stop", "\"c\"")]
    [InlineData("""{"stop":["x","cd"]}""", "ab", "stop", "\"cd\"")]
    [InlineData("""{"stop":"c","include_stop_str_in_output":true}""", "abc", "stop", "\"c\"")]
    [InlineData("""{"stop_token_ids":[99]}""", "ab", "stop", "99")]
    [InlineData("""{"stop":"b","min_tokens":3}""", "abcd", "stop", null)]
    [InlineData("""{"ignore_eos":true,"max_tokens":6}""", "abcd\0\0", "length", null)]
    [InlineData("""{"min_tokens":6,"max_tokens":6}""", "abcd\u0001\u0001", "length", null)]
    [InlineData("""{"logit_bias":{"98":100},"max_tokens":3}""", "bbb", "length", null)]
    [InlineData("""{"allowed_token_ids":[97],"max_tokens":3}""", "aaa", "length", null)]
    [InlineData("""{"truncate_prompt_tokens":2}""", "cd", "stop", null)]
    [InlineData("""{"truncate_prompt_tokens":-1}""", "abcd", "stop", null)]
    [InlineData("""{"echo":true,"max_tokens":0}""", "abcd", "length", null)]
    [InlineData("""{"echo":true,"max_tokens":1}""", "abcda", "length", null)]
    [InlineData("""{"temperature":1,"top_k":1,"seed":1}""", "abcd", "stop", null)]
    [InlineData("""{"temperature":1,"top_p":0.1,"seed":1}""", "abcd", "stop", null)]
    [InlineData("""{"temperature":1,"min_p":0.5,"seed":1}""", "abcd", "stop", null)]
    [InlineData("""{"repetition_penalty":1.1,"presence_penalty":0.5,"frequency_penalty":0.5}""", "abcd", "stop", null)]
    [InlineData("""{"skip_special_tokens":false,"spaces_between_special_tokens":false}""", "abcd", "stop", null)]
    [InlineData("""{"guided_choice":["ad"]}""", "ad", "stop", null)]
    [InlineData("""{"structured_outputs":{"regex":"ab?"}}""", "ab", "stop", null)]
    public async Task Completion_WithMember_DoesWhatItSays(string members, string text, string reason, string? stop)
    {
        var wire = JsonNode.Parse(members)!.AsObject();
        wire["prompt"] = "abcd";
        wire["temperature"] ??= 0;

        var (status, body) = await _host.PostAsync("/v1/completions", wire.ToJsonString());

        Assert.True(status == 200, body);
        var choice = JsonNode.Parse(body)!["choices"]![0]!;
        Assert.Equal((text, reason), ((string)choice["text"]!, (string)choice["finish_reason"]!));
        Assert.Equal(stop, choice["stop_reason"]?.ToJsonString());
    }

    [Theory]
    [InlineData("""{"user":"u","metadata":{"a":"b"},"store":true,"service_tier":"auto"}""")]
    [InlineData("""{"priority":0,"request_id":"r","session_id":"s","cache_salt":"x"}""")]
    [InlineData("""{"seed":-1,"top_k":-1,"logit_bias":{},"stop":[],"stop_token_ids":[],"bad_words":[]}""")]
    [InlineData("""{"stop":null,"logprobs":null,"n":null,"seed":null,"response_format":null,"stream_options":null}""")]
    [InlineData("""{"mm_processor_kwargs":{},"kv_transfer_params":null,"vllm_xargs":{},"stream_interval":4}""")]
    [InlineData("""{"something_new":{"deep":[1,2,3]}}""")]
    public async Task Call_WithMembersOfOthers_IsServed(string members)
    {
        foreach (var (path, prompt) in new[]
        {
            ("/v1/completions", """{"prompt":"hi"}"""),
            ("/v1/chat/completions", """{"messages":[{"role":"user","content":"hi"}]}"""),
        })
        {
            var wire = JsonNode.Parse(members)!.AsObject();
            foreach (var (name, value) in JsonNode.Parse(prompt)!.AsObject())
            {
                wire[name] = value!.DeepClone();
            }

            var (status, body) = await _host.PostAsync(path, wire.ToJsonString());

            Assert.True(status == 200, body);
        }
    }

    [Fact]
    public async Task Completion_SameSeed_IsTheSameAnswerTwice()
    {
        const string Ask = """{"prompt":"ab","temperature":2,"logit_bias":{"97":-20,"98":-20},"max_tokens":8,"seed":7}""";

        var first = await TextAsync(Ask);

        Assert.Equal(first, await TextAsync(Ask));
        Assert.NotEqual(first, await TextAsync(Ask.Replace("\"seed\":7", "\"seed\":8", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(20)]
    public async Task Chat_TopLogprobs_AreAsManyAsAskedFor(int top)
    {
        var (_, body) = await _host.PostAsync(
            "/v1/chat/completions",
            $$"""{"messages":[{"role":"user","content":"hi"}],"temperature":0,"logprobs":true,"top_logprobs":{{top}}}""");

        Assert.All(
            JsonNode.Parse(body)!["choices"]![0]!["logprobs"]!["content"]!.AsArray(),
            token => Assert.Equal(top, token!["top_logprobs"]!.AsArray().Count));
    }

    // What guidellm and vLLM's own benchmark send.
    [Theory]
    [InlineData(
        "/v1/chat/completions",
        """
        {"model":"scripted","messages":[{"role":"user","content":[{"type":"text","text":"hello there"}]}],"stream":true,
         "stream_options":{"include_usage":true,"continuous_usage_stats":true},"max_tokens":6,"max_completion_tokens":6,
         "stop":null,"ignore_eos":true}
        """)]
    [InlineData(
        "/v1/completions",
        """
        {"model":"scripted","prompt":"hello there","stream":true,"stream_options":{"include_usage":true},"max_tokens":6,
         "stop":null,"ignore_eos":true}
        """)]
    [InlineData(
        "/v1/completions",
        """
        {"model":"scripted","prompt":"hello there","temperature":0.0,"repetition_penalty":1.0,"max_tokens":6,
         "logprobs":null,"stream":true,"stream_options":{"include_usage":true},"ignore_eos":true}
        """)]
    public async Task Stream_OfABenchmark_HasAllTokensThenUsageThenDone(string path, string json)
    {
        var (status, body) = await _host.PostAsync(path, json);

        Assert.Equal(200, status);
        var events = body.Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.All(events, static e => Assert.StartsWith("data: ", e, StringComparison.Ordinal));
        Assert.Equal("data: [DONE]", events[^1]);
        var last = JsonNode.Parse(events[^2]["data: ".Length..])!;
        Assert.Empty(last["choices"]!.AsArray());
        Assert.Equal((11, 6), ((int)last["usage"]!["prompt_tokens"]!, (int)last["usage"]!["completion_tokens"]!));
        var ending = JsonNode.Parse(events[^3]["data: ".Length..])!;
        Assert.Equal("length", (string)ending["choices"]![0]!["finish_reason"]!);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _engine.Dispose();
    }

    private async Task<string> TextAsync(string json) =>
        (string)JsonNode.Parse((await _host.PostAsync("/v1/completions", json)).Body)!["choices"]![0]!["text"]!;
}
