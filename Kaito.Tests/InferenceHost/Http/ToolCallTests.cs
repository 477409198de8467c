using System.Text.Json.Nodes;

namespace Kaito.Tests.InferenceHost.Http;

/// <summary>Calls of functions as clients see them. The scripted model repeats the prompt, so the prompt is the answer.</summary>
public sealed class ToolCallTests : IAsyncLifetime
{
    private const string Chat = "/v1/chat/completions";
    private const string Tools = """
        "tools":[{"type":"function","function":{"name":"add","parameters":{"type":"object","properties":{"a":{"type":"integer","maximum":9,"minimum":0}},"required":["a"],"additionalProperties":false}}},
                 {"type":"function","function":{"name":"stop"}}]
        """;

    private const string Call = """<tool_call>{\"name\": \"add\", \"arguments\": {\"a\": 4}}</tool_call>""";

    private readonly ScriptedEngine _engine = new(context: 1024);
    private InferenceHostFixture _host = null!;

    public async ValueTask InitializeAsync() =>
        _host = await InferenceHostFixture.StartAsync(() => ScriptedEngine.Load(_engine));

    [Fact]
    public async Task Auto_AnswerWithACall_IsACall()
    {
        var choice = await AskAsync(Call, Tools);

        Assert.Equal("tool_calls", (string?)choice["finish_reason"]);
        Assert.Null(choice["message"]!["content"]);
        var call = Assert.Single(choice["message"]!["tool_calls"]!.AsArray())!;
        Assert.StartsWith("chatcmpl-tool-", (string?)call["id"], StringComparison.Ordinal);
        Assert.Equal(("function", "add", """{"a": 4}"""), ((string?)call["type"], (string?)call["function"]!["name"], (string?)call["function"]!["arguments"]));
    }

    [Fact]
    public async Task Auto_PlainAnswer_IsText()
    {
        var choice = await AskAsync("No need.", Tools);

        Assert.Equal(("stop", "No need."), ((string?)choice["finish_reason"], (string?)choice["message"]!["content"]));
        Assert.Empty(choice["message"]!["tool_calls"]!.AsArray());
    }

    [Fact]
    public async Task Auto_CutOffCall_SaysLength()
    {
        var choice = await AskAsync(Call, Tools + ",\"max_tokens\":45");

        Assert.Equal("length", (string?)choice["finish_reason"]);
        Assert.Equal("add", (string?)choice["message"]!["tool_calls"]![0]!["function"]!["name"]);
    }

    [Fact]
    public async Task None_AnswerWithACall_IsText()
    {
        var choice = await AskAsync(Call, Tools + ",\"tool_choice\":\"none\"");

        Assert.StartsWith("<tool_call>", (string?)choice["message"]!["content"], StringComparison.Ordinal);
        Assert.Equal("stop", (string?)choice["finish_reason"]);
    }

    [Fact]
    public async Task Stream_Call_IsNameThenArguments()
    {
        var (_, body) = await _host.PostAsync(
            Chat, $$"""{"messages":[{"role":"user","content":"Hm. {{Call}}"}],"temperature":0,"stream":true,{{Tools}}}""");
        var chunks = body.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Where(static e => e != "data: [DONE]")
            .Select(static e => JsonNode.Parse(e["data: ".Length..])!["choices"]![0]!).ToArray();
        var deltas = chunks.SelectMany(static c => c["delta"]!["tool_calls"]?.AsArray() ?? []).ToArray();

        Assert.Equal("Hm.", string.Concat(chunks.Select(static c => (string?)c["delta"]!["content"])));
        Assert.Equal("add", (string?)deltas[0]!["function"]!["name"]);
        Assert.All(deltas[1..], static d => Assert.Null(d!["id"]));
        Assert.Equal("""{"a": 4}""", string.Concat(deltas.Select(static d => (string?)d!["function"]!["arguments"])));
        Assert.Equal("tool_calls", (string?)chunks[^1]["finish_reason"]);
    }

    [Theory]
    [InlineData("\"required\"", "tool_calls")]
    [InlineData("""{"type":"function","function":{"name":"add"}}""", "stop")]
    public async Task Forced_WhateverTheModelWouldSay_IsACallOfTheRightForm(string choice, string reason)
    {
        for (var seed = 0; seed < 4; seed++)
        {
            var answer = await AskAsync("no", $$"""{{Tools}},"tool_choice":{{choice}},"parallel_tool_calls":false,"seed":{{seed}}""", 1);

            var call = Assert.Single(answer["message"]!["tool_calls"]!.AsArray())!["function"]!;
            Assert.Equal(reason, (string?)answer["finish_reason"]);
            Assert.Contains((string?)call["name"], new[] { "add", "stop" });
            var arguments = JsonNode.Parse((string)call["arguments"]!)!.AsObject();
            if ((string?)call["name"] == "add")
            {
                Assert.InRange((int)arguments["a"]!, 0, 9);
            }
        }
    }

    [Fact]
    public async Task Thought_IsApartAndCanBeLeftOut()
    {
        var shown = await AskAsync("<think>\\nhm\\n</think>\\n\\nYes.", "\"n\":1");
        var hidden = await AskAsync("<think>\\nhm\\n</think>\\n\\nYes.", "\"include_reasoning\":false");

        Assert.Equal(("hm", "hm", "Yes."), ((string?)shown["message"]!["reasoning"], (string?)shown["message"]!["reasoning_content"], (string?)shown["message"]!["content"]));
        Assert.Null(hidden["message"]!["reasoning"]);
        Assert.Equal("Yes.", (string?)hidden["message"]!["content"]);
    }

    [Theory]
    [InlineData("\"tools\":[]", "tools")]
    [InlineData("\"tools\":[{}]", "tools.0")]
    [InlineData("""  "tools":[{"type":"function","function":{"name":"a","parameters":7}}] """, "tools.0")]
    [InlineData("""  "tools":[{"function":{"name":"a"}},{"function":{"name":"a"}}] """, "tools.1")]
    [InlineData("\"tool_choice\":\"auto\"", "tool_choice")]
    [InlineData(Tools + ",\"tool_choice\":\"sometimes\"", "tool_choice")]
    [InlineData(Tools + ""","tool_choice":{"type":"function","function":{"name":"none"}}""", "tool_choice")]
    [InlineData("""  "tool_choice":"required","tools":[{"function":{"name":"a","parameters":{"type":"nothing"}}}] """, "tools")]
    public async Task BadTools_NameTheMember(string members, string param)
    {
        var (status, body) = await _host.PostAsync(Chat, """{"messages":[{"role":"user","content":"x"}],""" + members + "}");

        Assert.Equal(400, status);
        Assert.Equal(param, (string?)JsonNode.Parse(body)!["error"]!["param"]);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _engine.Dispose();
    }

    private async Task<JsonNode> AskAsync(string content, string members, int temperature = 0)
    {
        var (status, body) = await _host.PostAsync(
            Chat, $$"""{"messages":[{"role":"user","content":"{{content}}"}],"temperature":{{temperature}},{{members}}}""");
        Assert.True(status == 200, body);
        return JsonNode.Parse(body)!["choices"]![0]!;
    }
}
