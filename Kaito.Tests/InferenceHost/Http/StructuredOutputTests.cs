using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Kaito.Tests.InferenceHost.Http;

/// <summary>Answers of a given form, from a model that would say something else.</summary>
public sealed class StructuredOutputTests : IAsyncLifetime
{
    private const string Chat = "/v1/chat/completions";
    private const string Person = """
        {"type":"object","properties":{"name":{"enum":["Ada","Bob"]},"age":{"type":"integer","minimum":0,"maximum":120},
         "tags":{"type":"array","items":{"enum":["x","y"]},"maxItems":2}},"required":["name","age","tags"],"additionalProperties":false}
        """;

    private readonly ScriptedEngine _engine = new(context: 1024);
    private InferenceHostFixture _host = null!;

    public async ValueTask InitializeAsync() =>
        _host = await InferenceHostFixture.StartAsync(() => ScriptedEngine.Load(_engine));

    [Theory]
    [InlineData("""{"response_format":{"type":"json_schema","json_schema":{"name":"p","schema":""" + Person + "}}}")]
    [InlineData("""{"structured_outputs":{"json":""" + Person + "}}")]
    [InlineData("""{"guided_json":""" + Person + "}")]
    public async Task Schema_HoweverItIsGiven_ShapesTheAnswer(string members)
    {
        for (var seed = 0; seed < 5; seed++)
        {
            var (text, reason) = await AskAsync(members, seed);

            var answer = JsonNode.Parse(text)!.AsObject();
            Assert.Equal("stop", reason);
            Assert.Equal(["name", "age", "tags"], answer.Select(static m => m.Key));
            Assert.Contains((string)answer["name"]!, new[] { "Ada", "Bob" });
            Assert.InRange((int)answer["age"]!, 0, 120);
            Assert.InRange(answer["tags"]!.AsArray().Count, 0, 2);
        }
    }

    [Theory]
    [InlineData("""{"structured_outputs":{"regex":"(yes|no) [0-9]{3}"}}""", "^(yes|no) [0-9]{3}$")]
    [InlineData("""{"guided_regex":"[a-c]{4}"}""", "^[a-c]{4}$")]
    [InlineData("""{"structured_outputs":{"choice":["red","say \"blue\"","gr\u00fcn"]}}""", "^(red|say \"blue\"|grün)$")]
    [InlineData("""{"guided_choice":["one"]}""", "^one$")]
    [InlineData("""{"structured_outputs":{"grammar":"start: \"A\" (\"B\" | \"C\"){2} \"D\""}}""", "^A[BC]{2}D$")]
    [InlineData("""{"guided_grammar":"start: \"x\" | \"y\""}""", "^[xy]$")]
    public async Task Form_OfEveryKind_IsKept(string members, string expected)
    {
        for (var seed = 0; seed < 3; seed++)
        {
            var (text, reason) = await AskAsync(members, seed);

            Assert.Matches(new Regex(expected), text);
            Assert.Equal("stop", reason);
        }
    }

    [Fact]
    public async Task Form_CutOff_SaysLength() => Assert.Equal(
        ("\"abcd", "length"), await AskAsync("""{"guided_json":{"const":"abcdefgh"},"max_tokens":5}""", 1));

    [Fact]
    public async Task JsonObject_IsOne()
    {
        var (text, reason) = await AskAsync("""{"response_format":{"type":"json_object"},"logit_bias":{"125":9}}""", 1);

        Assert.NotNull(JsonNode.Parse(text)!.AsObject());
        Assert.Equal("stop", reason);
    }

    [Fact]
    public async Task SeveralAnswers_AreEachOfTheForm()
    {
        var (status, body) = await _host.PostAsync(
            "/v1/completions",
            """{"prompt":["ab","cd"],"n":3,"temperature":1,"seed":3,"max_tokens":9,"guided_regex":"[0-9]{4}"}""");

        Assert.Equal(200, status);
        var choices = JsonNode.Parse(body)!["choices"]!.AsArray();
        Assert.Equal(6, choices.Count);
        Assert.All(choices, static c => Assert.Matches("^[0-9]{4}$", (string)c!["text"]!));
        Assert.True(choices.Select(static c => (string)c!["text"]!).Distinct().Count() > 1);
    }

    [Theory]
    [InlineData("""{"response_format":{"type":"xml"}}""", "response_format")]
    [InlineData("""{"response_format":{}}""", "response_format")]
    [InlineData("""{"response_format":{"type":"json_schema"}}""", "response_format.json_schema")]
    [InlineData("""{"response_format":{"type":"json_schema","json_schema":{"schema":"no"}}}""", "response_format.json_schema.schema")]
    [InlineData("""{"structured_outputs":{"json":{"type":"nothing"}}}""", "structured_outputs.json")]
    [InlineData("""{"structured_outputs":{"regex":"("}}""", "structured_outputs.regex")]
    [InlineData("""{"structured_outputs":{"regex":7}}""", "structured_outputs.regex")]
    [InlineData("""{"structured_outputs":{"choice":[]}}""", "structured_outputs.choice")]
    [InlineData("""{"structured_outputs":{"choice":[""]}}""", "structured_outputs.choice")]
    [InlineData("""{"structured_outputs":{"grammar":"start: nothing"}}""", "structured_outputs.grammar")]
    [InlineData("""{"structured_outputs":{"structural_tag":"x"}}""", "structured_outputs.structural_tag")]
    [InlineData("""{"structured_outputs":{"regex":"a","choice":["b"]}}""", "structured_outputs.choice")]
    [InlineData("""{"guided_regex":"a","response_format":{"type":"json_object"}}""", "guided_regex")]
    [InlineData("""{"structured_outputs":[]}""", "structured_outputs")]
    public async Task BadForm_NamesTheMember(string members, string param)
    {
        var (status, body) = await _host.PostAsync(Chat, """{"messages":[{"role":"user","content":"ab"}],""" + members[1..]);

        Assert.Equal(400, status);
        Assert.Equal(param, (string?)JsonNode.Parse(body)!["error"]!["param"]);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _engine.Dispose();
    }

    private async Task<(string Text, string Reason)> AskAsync(string members, int seed)
    {
        var (status, body) = await _host.PostAsync(
            Chat, $$"""{"messages":[{"role":"user","content":"ab"}],"temperature":1,"seed":{{seed}},""" + members[1..]);
        Assert.True(status == 200, body);
        var choice = JsonNode.Parse(body)!["choices"]![0]!;
        return ((string)choice["message"]!["content"]!, (string)choice["finish_reason"]!);
    }
}
