using System.Text.Json.Nodes;

namespace Kaito.Tests.InferenceHost.Http;

/// <summary>The newer protocol; the scripted model repeats the prompt.</summary>
public sealed class ResponsesTests : IAsyncLifetime
{
    private const string Path = "/v1/responses";

    private readonly ScriptedEngine _engine = new(context: 1024);
    private InferenceHostFixture _host = null!;

    public async ValueTask InitializeAsync() =>
        _host = await InferenceHostFixture.StartAsync(() => ScriptedEngine.Load(_engine));

    [Fact]
    public async Task Post_Text_IsOneMessage()
    {
        var answer = await AskAsync("""{"model":"scripted","input":"hello","temperature":0,"metadata":{"a":"b"}}""");

        Assert.StartsWith("resp_", (string?)answer["id"], StringComparison.Ordinal);
        Assert.Equal(("response", "completed"), ((string?)answer["object"], (string?)answer["status"]));
        var item = Assert.Single(answer["output"]!.AsArray())!;
        Assert.Equal(("message", "assistant", "completed"), ((string?)item["type"], (string?)item["role"], (string?)item["status"]));
        Assert.Equal(("output_text", "hello"), ((string?)item["content"]![0]!["type"], (string?)item["content"]![0]!["text"]));
        Assert.Equal((5, 6, 11), ((int)answer["usage"]!["input_tokens"]!, (int)answer["usage"]!["output_tokens"]!, (int)answer["usage"]!["total_tokens"]!));
        Assert.Equal("b", (string?)answer["metadata"]!["a"]);
    }

    [Fact]
    public async Task Post_Items_AreTheConversation()
    {
        var answer = await AskAsync("""
            {"instructions":"sys","temperature":0,"input":[
              {"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_text","text":"b"}]},
              {"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},
              {"type":"function_call_output","call_id":"c1","output":"42"}]}
            """);

        Assert.Equal("sys\na\nb\n\n42", (string?)answer["output"]![0]!["content"]![0]!["text"]);
    }

    [Fact]
    public async Task Post_ThoughtAndCall_AreItems()
    {
        var answer = await AskAsync("""
            {"input":"<think>\nhm\n</think>\n\nWait. <tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1}}</tool_call>","temperature":0,
             "tools":[{"type":"function","name":"f","parameters":{"type":"object"}}]}
            """);

        Assert.Equal(["reasoning", "message", "function_call"], answer["output"]!.AsArray().Select(static i => (string)i!["type"]!));
        Assert.Equal("hm", (string?)answer["output"]![0]!["content"]![0]!["text"]);
        Assert.Equal(("f", """{"a": 1}"""), ((string?)answer["output"]![2]!["name"], (string?)answer["output"]![2]!["arguments"]));
    }

    [Fact]
    public async Task Post_CutOff_IsIncomplete()
    {
        var answer = await AskAsync("""{"input":"hello","temperature":0,"max_output_tokens":2}""");

        Assert.Equal(("incomplete", "max_output_tokens"), ((string?)answer["status"], (string?)answer["incomplete_details"]!["reason"]));
    }

    [Fact]
    public async Task Post_Schema_ShapesTheText()
    {
        var answer = await AskAsync("""
            {"input":"x","temperature":1,"seed":2,"text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object","properties":{"n":{"enum":[1,2]}},"required":["n"],"additionalProperties":false}}}}
            """);

        Assert.InRange((int)JsonNode.Parse((string)answer["output"]![0]!["content"]![0]!["text"]!)!["n"]!, 1, 2);
    }

    [Fact]
    public async Task Stream_Events_AreInOrderAndJoinToTheResponse()
    {
        var (status, body) = await _host.PostAsync(
            Path, """{"input":"hi <tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1}}</tool_call>","temperature":0,"stream":true,"tools":[{"type":"function","name":"f"}]}""");
        Assert.Equal(200, status);
        var events = body.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(static e => e.Split('\n'))
            .Select(static lines => (Type: lines[0]["event: ".Length..], Body: JsonNode.Parse(lines[1]["data: ".Length..])!)).ToArray();

        Assert.All(events, static e => Assert.Equal(e.Type, (string?)e.Body["type"]));
        Assert.Equal(Enumerable.Range(0, events.Length), events.Select(static e => (int)e.Body["sequence_number"]!));
        Assert.Equal(["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"], events[..4].Select(static e => e.Type));
        Assert.Equal("response.completed", events[^1].Type);
        var output = events[^1].Body["response"]!["output"]!.AsArray();
        Assert.Equal(Joined("response.output_text.delta"), (string?)output[0]!["content"]![0]!["text"]);
        Assert.Equal("hi", Joined("response.output_text.delta"));
        Assert.Equal(Joined("response.function_call_arguments.delta"), (string?)output[1]!["arguments"]);
        Assert.Equal(
            output.Select(static i => i!.ToJsonString()),
            events.Where(static e => e.Type == "response.output_item.done").Select(static e => e.Body["item"]!.ToJsonString()));

        string Joined(string type) => string.Concat(events.Where(e => e.Type == type).Select(static e => (string)e.Body["delta"]!));
    }

    [Theory]
    [InlineData("{}", 400, "input")]
    [InlineData("""{"input":7}""", 400, "input")]
    [InlineData("""{"input":[{"type":"image"}]}""", 400, "input.0")]
    [InlineData("""{"input":[{"role":"king","content":"x"}]}""", 400, "input.0.role")]
    [InlineData("""{"input":"x","max_output_tokens":0}""", 400, "max_output_tokens")]
    [InlineData("""{"input":"x","background":true}""", 400, "background")]
    [InlineData("""{"input":"x","prompt":{"id":"p"}}""", 400, "prompt")]
    [InlineData("""{"input":"x","text":{"format":{"type":"xml"}}}""", 400, "text.format")]
    [InlineData("""{"input":"x","previous_response_id":"resp_1"}""", 404, "previous_response_id")]
    [InlineData("""{"input":"x","model":"other"}""", 404, "model")]
    public async Task Post_BadInput_NamesTheMember(string json, int status, string param)
    {
        var (actual, body) = await _host.PostAsync(Path, json);

        Assert.Equal((status, param), (actual, (string?)JsonNode.Parse(body)!["error"]!["param"]));
    }

    [Fact]
    public async Task Get_AnyId_IsNotFound() => Assert.Equal(404, (await _host.GetAsync("/v1/responses/resp_1")).Status);

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _engine.Dispose();
    }

    private async Task<JsonNode> AskAsync(string json)
    {
        var (status, body) = await _host.PostAsync(Path, json);
        Assert.True(status == 200, body);
        return JsonNode.Parse(body)!;
    }
}
