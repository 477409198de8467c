using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Kaito.Tests.InferenceHost.Constraints;

/// <summary>Every finished answer is of its form, whatever the model would say: here it says anything at random.</summary>
public sealed class SchemaAnswersTests : IAsyncLifetime
{
    // What closes is likelier, or random text would hardly ever end.
    private const string Bias = """{"34":4,"93":4,"125":4,"92":-9,"123":-1,"91":-1}""";

    private static readonly JsonSerializerOptions s_plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly ScriptedEngine _engine = new(slots: 8, context: 4096);
    private InferenceHostFixture _host = null!;

    public async ValueTask InitializeAsync() =>
        _host = await InferenceHostFixture.StartAsync(() => ScriptedEngine.Load(_engine));

    [Fact]
    public async Task Answers_OfTheWholeCorpus_AreValid()
    {
        // The model of this test has the letters of ASCII only.
        var schemas = SchemaCorpus.All.Where(static schema => !schema.ToJsonString(s_plain).Any(static c => c > '~')).ToArray();
        var problems = new List<string>();
        var finished = 0;
        foreach (var chunk in schemas.Index().Chunk(16))
        {
            var answers = await Task.WhenAll(chunk.Select(async one => (Schema: one.Item, Texts: await AskAsync(one.Item, one.Index))));
            foreach (var (schema, texts) in answers)
            {
                finished += texts.Length;
                problems.AddRange(texts.Select(text => (text, Problem: Problem(schema, text)))
                    .Where(static told => told.Problem is not null)
                    .Select(told => $"{told.Problem}\n  {schema.ToJsonString()}\n  {told.text}"));
            }
        }

        Assert.True(problems.Count == 0, string.Join("\n", problems.Take(20)));
        Assert.InRange(schemas.Length, 500, int.MaxValue);
        Assert.InRange(finished, schemas.Length * 2 * 95 / 100, schemas.Length * 2);
    }

    [Fact]
    public async Task Answer_NoTokenSpellsItsForm_EndsWithAnErrorAndDisturbsNobody()
    {
        _engine.Gate.Reset();
        var other = _host.PostAsync("/v1/completions", """{"prompt":"hello","temperature":0}""");
        var stuck = _host.PostAsync("/v1/completions", """{"prompt":"x","guided_json":{"const":"aü"},"max_tokens":9}""");
        await InferenceHostFixture.UntilAsync(async () =>
            (await _host.GetAsync("/load")).Body == """{"server_load":2}""");
        _engine.Gate.Set();

        var (status, body) = await stuck;
        var choice = JsonNode.Parse(body)!["choices"]![0]!;
        Assert.Equal((200, "error"), (status, (string)choice["finish_reason"]!));
        Assert.Equal("\"a", (string)choice["text"]!);
        Assert.Contains("\"text\":\"hello\"", (await other).Body, StringComparison.Ordinal);
    }

    // What cannot be kept is refused: an answer that only looks right would be worse.
    [Theory]
    [InlineData("""{"type":"array","items":{"type":"integer"},"uniqueItems":true}""")]
    [InlineData("""{"oneOf":[{"type":"integer","maximum":9},{"type":"integer","minimum":5}]}""")]
    [InlineData("""{"not":{"type":"string"}}""")]
    [InlineData("""{"type":"object","if":{"required":["a"]},"then":{"required":["b"]}}""")]
    [InlineData("""{"type":"object","propertyNames":{"pattern":"^a"}}""")]
    [InlineData("""{"type":"object","dependentRequired":{"a":["b"]}}""")]
    [InlineData("""{"type":"array","contains":{"type":"null"}}""")]
    [InlineData("""{"$ref":"https://elsewhere.example/schema.json"}""")]
    [InlineData("""{"$ref":"#/$defs/missing"}""")]
    [InlineData("""{"type":"integer","minimum":5,"maximum":4}""")]
    [InlineData("""{"type":"string","pattern":"("}""")]
    [InlineData("""{"type":"string","format":"no-such-format"}""")]
    public async Task Schema_ThatCannotBeKept_IsRefused(string schema)
    {
        var (status, body) = await _host.PostAsync(
            "/v1/completions", $$"""{"prompt":"x","guided_json":{{schema}}}""");

        Assert.True(status == 400, body);
        Assert.Equal("guided_json", (string?)JsonNode.Parse(body)!["error"]!["param"]);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _engine.Dispose();
    }

    private static string? Problem(JsonObject schema, string text)
    {
        try
        {
            return SchemaJudge.Problem(schema, text);
        }
        catch (JsonException wrong)
        {
            return wrong.Message;
        }
    }

    // Finished answers only; a refusal is of no schema either.
    private async Task<string[]> AskAsync(JsonObject schema, int seed)
    {
        var (status, body) = await _host.PostAsync("/v1/completions", new JsonObject
        {
            ["prompt"] = "x",
            ["n"] = 2,
            ["temperature"] = 1,
            ["seed"] = seed * 2,
            ["max_tokens"] = 3000,
            ["logit_bias"] = JsonNode.Parse(Bias),
            ["response_format"] = new JsonObject
            {
                ["type"] = "json_schema",
                ["json_schema"] = new JsonObject { ["name"] = "any", ["schema"] = schema.DeepClone() },
            },
        }.ToJsonString());
        return status != 200 ? [body] :
        [
            .. JsonNode.Parse(body)!["choices"]!.AsArray()
                .Where(static choice => (string)choice!["finish_reason"]! == "stop")
                .Select(static choice => (string)choice!["text"]!),
        ];
    }
}
