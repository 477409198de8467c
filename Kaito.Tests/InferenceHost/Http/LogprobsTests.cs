using System.Text.Json.Nodes;

namespace Kaito.Tests.InferenceHost.Http;

/// <summary>Log probabilities and token ids as vLLM's clients see them; the scripted model repeats the prompt.</summary>
public sealed class LogprobsTests : IAsyncLifetime
{
    private const string Chat = "/v1/chat/completions";
    private const string Text = "/v1/completions";
    private const string Hello = """{"messages":[{"role":"user","content":"abc"}],"temperature":0""";

    private readonly ScriptedEngine _engine = new();
    private InferenceHostFixture _host = null!;

    public async ValueTask InitializeAsync() =>
        _host = await InferenceHostFixture.StartAsync(() => ScriptedEngine.Load(_engine));

    [Fact]
    public async Task Chat_Logprobs_HaveEveryTokenWithBytesAndAlternatives()
    {
        var choice = (await PostAsync(Chat, Hello + ""","logprobs":true,"top_logprobs":2}"""))["choices"]![0]!;

        var content = choice["logprobs"]!["content"]!.AsArray();
        Assert.Equal(["a", "b", "c", "\0"], content.Select(static t => (string)t!["token"]!));
        Assert.Equal(97, (int)content[0]!["bytes"]![0]!);
        Assert.InRange((float)content[0]!["logprob"]!, -0.001f, 0);
        Assert.Equal(2, content[0]!["top_logprobs"]!.AsArray().Count);
        Assert.Equal("a", (string)content[0]!["top_logprobs"]![0]!["token"]!);
    }

    [Fact]
    public async Task Chat_StreamedLogprobs_AreThoseOfTheWholeAnswer()
    {
        var whole = (await PostAsync(Chat, Hello + ""","logprobs":true,"top_logprobs":1}"""))["choices"]![0]!["logprobs"]!["content"]!;
        var chunks = await StreamAsync(Chat, Hello + ""","logprobs":true,"top_logprobs":1,"stream":true}""");

        var streamed = new JsonArray([
            .. chunks.SelectMany(static c => c["choices"]!.AsArray())
                .SelectMany(static c => c!["logprobs"]?["content"]?.AsArray() ?? []).Select(static t => t!.DeepClone()),
        ]);
        Assert.Equal(whole.ToJsonString(), streamed.ToJsonString());
    }

    [Fact]
    public async Task Chat_PromptLogprobsAndIds_AreThereWhenAskedFor()
    {
        var answer = await PostAsync(Chat, Hello + ""","prompt_logprobs":1,"return_token_ids":true}""");

        var prompt = answer["prompt_logprobs"]!.AsArray();
        Assert.Null(prompt[0]);
        Assert.Equal(["97", "98"], prompt[1]!.AsObject().Select(static p => p.Key).Order());
        Assert.Equal(1, (int)prompt[1]!["97"]!["rank"]!);
        Assert.Equal("b", (string)prompt[1]!["98"]!["decoded_token"]!);
        Assert.Equal([97, 98, 99], answer["prompt_token_ids"]!.AsArray().Select(static t => (int)t!));
        Assert.Equal([97, 98, 99, 0], answer["choices"]![0]!["token_ids"]!.AsArray().Select(static t => (int)t!));
    }

    [Fact]
    public async Task Completion_EchoWithLogprobs_CoversThePrompt()
    {
        var choice = (await PostAsync(Text, """{"prompt":"abc","echo":true,"logprobs":1,"max_tokens":2,"temperature":0}"""))["choices"]![0]!;

        Assert.Equal("abcab", (string)choice["text"]!);
        var logprobs = choice["logprobs"]!;
        Assert.Equal(["a", "b", "c", "a", "b"], logprobs["tokens"]!.AsArray().Select(static t => (string)t!));
        Assert.Equal([0, 1, 2, 3, 4], logprobs["text_offset"]!.AsArray().Select(static t => (int)t!));
        Assert.Null(logprobs["token_logprobs"]![0]);
        Assert.InRange((float)logprobs["token_logprobs"]![1]!, -21, -19);
        Assert.Equal(["a", "b"], logprobs["top_logprobs"]![1]!.AsObject().Select(static p => p.Key).Order());
        Assert.Equal(["a"], logprobs["top_logprobs"]![3]!.AsObject().Select(static p => p.Key));
    }

    [Theory]
    [InlineData("")]
    [InlineData(",\"stream\":true")]
    public async Task Completion_EchoOfThePromptAlone_GeneratesNothing(string stream)
    {
        const string Ask = """{"prompt":"abc","echo":true,"logprobs":0,"max_tokens":0""";
        var chunks = stream.Length > 0
            ? await StreamAsync(Text, Ask + stream + ",\"stream_options\":{\"include_usage\":true}}")
            : [await PostAsync(Text, Ask + "}")];

        var choices = chunks.SelectMany(static c => c["choices"]!.AsArray()).ToArray();
        Assert.Equal("abc", string.Concat(choices.Select(static c => (string)c!["text"]!)));
        Assert.Equal("length", (string?)choices[^1]!["finish_reason"]);
        var logprobs = Assert.Single(choices, static c => c!["logprobs"]?["tokens"]?.AsArray().Count > 0)!["logprobs"]!;
        Assert.Equal(["a", "b", "c"], logprobs["tokens"]!.AsArray().Select(static t => (string)t!));
        Assert.Equal((3, 0), ((int)chunks[^1]["usage"]!["prompt_tokens"]!, (int)chunks[^1]["usage"]!["completion_tokens"]!));
    }

    [Fact]
    public async Task Completion_TokensAsIds_AreSpelledSo()
    {
        var choice = (await PostAsync(
            Text, """{"prompt":"ab","logprobs":0,"max_tokens":1,"temperature":0,"return_tokens_as_token_ids":true}"""))["choices"]![0]!;

        Assert.Equal("token_id:97", (string)choice["logprobs"]!["tokens"]![0]!);
    }

    [Fact]
    public async Task Completion_BestOf_ReturnsTheMostProbable()
    {
        const string Ask = """{"prompt":"abcdefgh","max_tokens":8,"seed":5,"temperature":2,"logprobs":0,"n":""";
        var all = (await PostAsync(Text, Ask + "8}"))["choices"]!.AsArray();
        var best = (await PostAsync(Text, Ask + "1,\"best_of\":8}"))["choices"]!.AsArray();

        var expected = all.OrderByDescending(static c => c!["logprobs"]!["token_logprobs"]!.AsArray().Sum(static p => (float)p!)).First();
        Assert.Equal((string)expected!["text"]!, (string)Assert.Single(best)!["text"]!);
        Assert.Equal(0, (int)best[0]!["index"]!);
    }

    [Fact]
    public async Task Completion_TruncatedPrompt_KeepsItsEnd()
    {
        var choice = (await PostAsync(
            Text, """{"prompt":"abcdef","truncate_prompt_tokens":2,"echo":true,"temperature":0}"""))["choices"]![0]!;

        Assert.Equal("efef", (string)choice["text"]!);
    }

    [Fact]
    public async Task Stream_ContinuousUsage_CountsTokensAsTheyCome()
    {
        var chunks = await StreamAsync(
            Chat, Hello + ""","stream":true,"stream_options":{"continuous_usage_stats":true}}""");

        Assert.Equal(
            [0, 1, 2, 3, 4], chunks.Select(static c => (int)c["usage"]!["completion_tokens"]!));
    }

    [Theory]
    [InlineData(""","top_logprobs":2}""", "top_logprobs")]
    [InlineData(""","logprobs":true,"top_logprobs":21}""", "top_logprobs")]
    [InlineData(""","logprobs":true,"top_logprobs":-2}""", "top_logprobs")]
    [InlineData(""","prompt_logprobs":1,"stream":true}""", "prompt_logprobs")]
    [InlineData(""","best_of":2,"n":3,"temperature":1}""", "best_of")]
    [InlineData(""","best_of":2,"stream":true,"temperature":1}""", "best_of")]
    [InlineData(""","allowed_token_ids":[]}""", "allowed_token_ids")]
    [InlineData(""","allowed_token_ids":[128]}""", "allowed_token_ids")]
    [InlineData(""","bad_words":[""]}""", "bad_words")]
    [InlineData(""","truncate_prompt_tokens":0}""", "truncate_prompt_tokens")]
    [InlineData(""","use_beam_search":true}""", "use_beam_search")]
    [InlineData(""","continue_final_message":true}""", "continue_final_message")]
    [InlineData(""","chat_template":"{{x}}"}""", "chat_template")]
    public async Task Chat_BadMember_NamesTheMember(string members, string param)
    {
        var (status, body) = await _host.PostAsync(Chat, Hello.Replace(",\"temperature\":0", "", StringComparison.Ordinal) + members);

        Assert.Equal(400, status);
        Assert.Equal(param, (string?)JsonNode.Parse(body)!["error"]!["param"]);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _engine.Dispose();
    }

    private async Task<JsonNode> PostAsync(string path, string json)
    {
        var (status, body) = await _host.PostAsync(path, json);
        Assert.True(status == 200, body);
        return JsonNode.Parse(body)!;
    }

    private async Task<JsonNode[]> StreamAsync(string path, string json)
    {
        var (status, body) = await _host.PostAsync(path, json);
        Assert.Equal(200, status);
        return
        [
            .. body.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Where(static e => e != "data: [DONE]")
                .Select(static e => JsonNode.Parse(e["data: ".Length..])!),
        ];
    }
}
