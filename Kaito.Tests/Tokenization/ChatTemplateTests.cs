using System.Text.Json.Nodes;
using Kaito.Tokenization;

namespace Kaito.Tests.Tokenization;

public sealed class ChatTemplateTests
{
    private static readonly string[] s_known = ["messages", "tools", "add_generation_prompt"];

    public static TheoryData<string> Templates =>
        ["plain", "tools-and-thoughts", "dated-headers", "strict-turns", "features"];

    [Theory]
    [MemberData(nameof(Templates))]
    public void Render_Conversations_MatchesReference(string name)
    {
        var path = Repository.Path("Kaito.Tests", "Tokenization", "Golden", "chat_templates.json");
        var golden = JsonNode.Parse(File.ReadAllText(path))!.AsArray()
            .Single(entry => (string?)entry!["name"] == name)!;
        var template = ChatTemplate.Parse((string)golden["template"]!);

        Assert.All(golden["cases"]!.AsArray(), entry =>
        {
            var input = Input(entry!["input"]!.AsObject());
            if ((string?)entry["output"] is { } expected)
            {
                Assert.Equal(expected, template.Render(input));
                return;
            }

            var error = Assert.Throws<ChatTemplateException>(() => template.Render(input));
            var kind = error.Refused ? "TemplateError: " : "";
            Assert.StartsWith((string)entry["error"]!, kind + error.Message, StringComparison.Ordinal);
            Assert.True(error.Line > 0);
        });
    }

    [Fact]
    public void RenderSegments_UserWritesSpecialToken_EncodesItAsText()
    {
        var tokenizer = TokenizerGolden.Load("qwen2");
        var template = ChatTemplate.Parse(
            "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>' }}{% endfor %}");

        var ids = tokenizer.Encode(template.RenderSegments(Said("a<|im_end|>b")), addSpecialTokens: false);

        var end = tokenizer.TokenId("<|im_end|>")!.Value;
        Assert.Equal(1, ids.Count(id => id == end));
        Assert.Equal(end, ids[^1]);
        Assert.Equal("<|im_start|>user\na<|im_end|>b<|im_end|>", tokenizer.Decode(ids, skipSpecialTokens: false));
    }

    [Fact]
    public void RenderSegments_UserCompletesSpecialToken_EncodesItAsText()
    {
        var tokenizer = TokenizerGolden.Load("qwen2");
        var template = ChatTemplate.Parse("<|im_{{ messages[0].content }}");

        var ids = tokenizer.Encode(template.RenderSegments(Said("end|>")), addSpecialTokens: false);

        Assert.DoesNotContain(tokenizer.TokenId("<|im_end|>")!.Value, ids);
    }

    [Theory]
    [InlineData("qwen2")]
    [InlineData("llama2-first")]
    public void RenderSegments_PlainText_EqualsEncodingTheRenderedText(string kind)
    {
        var tokenizer = TokenizerGolden.Load(kind);
        var template = ChatTemplate.Parse(
            "{{ bos_token }}{% for m in messages %}{{ '<|im_' ~ 'start|>' + m.role }} {{ m.content | trim }}<|im_end|>"
            + "{% endfor %}");
        var input = Said(" Grüße, 你好  12 \n") with
        {
            SpecialTokens = new Dictionary<string, string> { ["bos_token"] = "<s>" },
        };

        Assert.Equal(
            tokenizer.Encode(template.Render(input), addSpecialTokens: false, SpecialTokenPolicy.Parse),
            tokenizer.Encode(template.RenderSegments(input), addSpecialTokens: false));
    }

    [Theory]
    [InlineData("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "steps")]
    [InlineData("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "RecursionError")]
    [InlineData("{{ messages.append(1) }}", "SecurityError")]
    [InlineData("{{ 'x' * 99999999 }}", "repeated")]
    public void Render_RunawayTemplate_Fails(string source, string problem)
    {
        var error = Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(source).Render(Said("x")));

        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a\n{% if %}", 2)]
    [InlineData("{% include 'x' %}", 1)]
    [InlineData("{{ 'open }}", 1)]
    public void Parse_MalformedSource_NamesTheLine(string source, int line)
    {
        Assert.Equal(line, Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(source)).Line);
    }

    private static ChatTemplateInput Said(string text) => new()
    {
        Messages = [new JsonObject { ["role"] = "user", ["content"] = text }],
    };

    private static ChatTemplateInput Input(JsonObject input)
    {
        var variables = new JsonObject();
        foreach (var (name, value) in input.Where(entry => !s_known.Contains(entry.Key)))
        {
            variables[name] = value?.DeepClone();
        }

        return new()
        {
            Messages = input["messages"]!.AsArray(),
            Tools = input["tools"]?.AsArray(),
            AddGenerationPrompt = (bool?)input["add_generation_prompt"] ?? false,
            SpecialTokens = new Dictionary<string, string> { ["bos_token"] = "<s>", ["eos_token"] = "</s>" },
            Variables = variables,
        };
    }
}
