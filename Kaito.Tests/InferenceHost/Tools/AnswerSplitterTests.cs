using System.Text;
using System.Text.Json.Nodes;
using Kaito.InferenceHost.Tools;

namespace Kaito.Tests.InferenceHost.Tools;

public sealed class AnswerSplitterTests
{
    private const string Weather = """{"city": "Köln \"}</tool_call>", "days": [1, {"x": null}]}""";

    /// <summary>Format, answer, and its parts: text, then <c>|name arguments</c> for each call, then <c>?thought</c>.</summary>
    public static TheoryData<string, string, string> Answers { get; } = new()
    {
        { "hermes", "Plain text.\n", "Plain text.\n" },
        { "hermes", "  indented < tool_call", "  indented < tool_call" },
        { "hermes", Hermes("f", Weather), $"|f {Weather}" },
        { "hermes", "Let me see.\n" + Hermes("f", "{}") + "\n" + Hermes("g", Weather), "Let me see.|f {}|g " + Weather },
        { "hermes", """<tool_call>{"arguments": {"a": 1}, "name": "f"}</tool_call>""", """|f {"a": 1}""" },
        { "hermes", """<tool_call>{"name": "f", "arguments": "{\"a\": \"\\u00e4\"}"}</tool_call>""", """|f {"a": "\u00e4"}""" },
        { "hermes", """<tool_call>{"name": "f"}</tool_call>""", "|f {}" },
        { "hermes", """<tool_call>{"name": "f", "arguments": {"a": """, """|f {"a": """ },
        { "hermes", """<tool_call>{"nothing": 1}</tool_call>""", """{"nothing": 1}""" },
        { "hermes", "<tool_call>", "" },
        { "hermes", "<think>\nLet me <tool_call>.\n</think>\n\nDone.", "Done.?Let me <tool_call>." },
        { "hermes", "<think>a</think>" + Hermes("f", "{}"), "|f {}?a" },
        { "hermes", "\n<think>never ended", "?never ended" },
        { "hermes", "<thin", "<thin" },
        { "llama3_json", """{"name": "f", "parameters": {"a": [1]}}""", """|f {"a": [1]}""" },
        { "llama3_json", """ {"name": "f", "parameters": {}}; {"name": "g", "parameters": {}}""", "|f {}|g {}" },
        { "llama3_json", """<|python_tag|>{"name": "f", "parameters": {}}""", "|f {}" },
        { "llama3_json", """{"answer": 42}""", """{"answer": 42}""" },
        { "llama3_json", "An object is {}.", "An object is {}." },
        { "mistral", """[TOOL_CALLS] [{"name": "f", "arguments": {"a": 1}}, {"name": "g", "arguments": {}, "id": "123456789"}]""", """|f {"a": 1}|g {}""" },
        { "mistral", """[TOOL_CALLS]f[ARGS]{"a": "]"}[TOOL_CALLS]g[CALL_ID]123456789[ARGS]{}""", """|f {"a": "]"}|g {}""" },
        { "mistral", """Wait.[TOOL_CALLS]f{"a": 1}""", """Wait.|f {"a": 1}""" },
        { "phi4_mini_json", """functools[{"name": "f", "arguments": {"a": 1}}]""", """|f {"a": 1}""" },
        { "phi4_mini_json", """<|tool_call|>[{"name": "f", "arguments": {}}, {"name": "g", "arguments": {}}]<|/tool_call|>""", "|f {}|g {}" },
        { "phi4_mini_json", "func is short", "func is short" },
        { "granite", """<|tool_call|>[{"name": "f", "arguments": {"a": 1}}]""", """|f {"a": 1}""" },
        { "deepseek_v3", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{\"a\": 1}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>g\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>", """|f {"a": 1}|g {}""" },
        { "deepseek_v3", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": 1}<｜tool▁call▁end｜><｜tool▁calls▁end｜>", """|f {"a": 1}""" },
        { "qwen3_xml", "<tool_call>\n<function=f>\n<parameter=text>\na <b>\n\"c\"\n</parameter>\n<parameter=count>\n3\n</parameter>\n<parameter=other>\n[1]\n</parameter>\n</function>\n</tool_call>", """|f {"text": "a <b>\n\"c\"", "count": 3, "other": [1]}""" },
        { "qwen3_xml", "<tool_call><function=f></function></tool_call>", "|f {}" },
    };

    [Theory]
    [MemberData(nameof(Answers))]
    public void Push_Whole_FindsTheParts(string format, string answer, string expected) =>
        Assert.Equal(expected, Show(Rules(format), [answer]));

    [Theory]
    [MemberData(nameof(Answers))]
    public void Push_CutAnywhere_FindsTheSameParts(string format, string answer, string expected)
    {
        for (var at = 0; at <= answer.Length; at++)
        {
            Assert.Equal(expected, Show(Rules(format), [answer[..at], answer[at..]]));
        }

        Assert.Equal(expected, Show(Rules(format), [.. answer.Select(static c => c.ToString())]));
    }

    [Theory]
    [InlineData("weighing\n</think>\n\nYes.", "Yes.?weighing")]
    [InlineData("\nweighing", "?weighing")]
    public void Push_PromptThatOpenedAThought_BeginsInIt(string answer, string expected) =>
        Assert.Equal(expected, Show(Rules("hermes") with { BeginsInThought = true }, [.. answer.Select(static c => c.ToString())]));

    [Fact]
    public void Push_OnlyCalls_ReadsTheListOfTheGrammar() => Assert.Equal(
        """|f {"a":1}|g {}""",
        Show(
            new() { OnlyCalls = true },
            ["""[{"name":"f","parameters":{"a":""", """1}},{"name":"g","parameters":{}}]"""]));

    [Fact]
    public void Push_OnlyArguments_AreTheCall() =>
        Assert.Equal("""|f {"a":1}""", Show(new() { OnlyArgumentsOf = "f" }, ["""{"a":""", "1}"]));

    [Fact]
    public void Push_FirstCallOnly_DropsTheOthers() => Assert.Equal(
        "|f {}", Show(Rules("hermes") with { FirstCallOnly = true }, [Hermes("f", "{}") + Hermes("g", "{}")]));

    [Theory]
    [InlineData("{%- if tools %}<tool_call>{% endif %}", "hermes")]
    [InlineData("<tool_call>\n<function=example>", "qwen3_xml")]
    [InlineData("[TOOL_CALLS]", "mistral")]
    [InlineData("<|python_tag|>", "llama3_json")]
    [InlineData("<｜tool▁calls▁begin｜>", "deepseek_v3")]
    [InlineData("{% for m in messages %}{{ m.content }}{% endfor %}", null)]
    public void Of_Template_IsTheFormatThatItTeaches(string template, string? expected) =>
        Assert.Equal(expected, CallFormat.Of(template)?.Name);

    private static string Hermes(string name, string arguments) =>
        $"<tool_call>\n{{\"name\": \"{name}\", \"arguments\": {arguments}}}\n</tool_call>";

    private static SplitRules Rules(string format) => new()
    {
        Thinks = true,
        Calls = CallFormat.All.Single(f => f.Name == format),
        Schemas = new Dictionary<string, JsonObject>
        {
            ["f"] = JsonNode.Parse("""{"properties":{"text":{"type":"string"},"count":{"type":"integer"}}}""")!.AsObject(),
        },
    };

    private static string Show(SplitRules rules, string[] pieces)
    {
        var splitter = new AnswerSplitter(rules);
        var (content, thought) = (new StringBuilder(), new StringBuilder());
        var calls = new List<StringBuilder>();
        var parts = pieces.SelectMany(splitter.Push).ToList();
        foreach (var part in parts.Concat(splitter.Finish()))
        {
            switch (part)
            {
                case AnswerPart.Content said:
                    content.Append(said.Text);
                    break;
                case AnswerPart.Reasoning more:
                    thought.Append(more.Text);
                    break;
                case AnswerPart.CallStarted call:
                    Assert.Equal(calls.Count, call.Index);
                    calls.Add(new($"|{call.Name} "));
                    break;
                case AnswerPart.CallArguments more:
                    calls[more.Index].Append(more.Fragment);
                    break;
            }
        }

        return content + string.Concat(calls) + (thought.Length > 0 ? $"?{thought}" : "");
    }
}
