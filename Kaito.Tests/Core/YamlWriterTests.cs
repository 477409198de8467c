using System.Text.Json.Nodes;
using Kaito.Core;

namespace Kaito.Tests.Core;

public sealed class YamlWriterTests
{
    [Fact]
    public void Write_NestedValues_UsesBlockStyle()
    {
        var document = JsonNode.Parse("""{"a":{"b":[{"c":1,"d":["x"]},[],{}]},"e":null,"f":true,"g":[[1,2]]}""")!;

        Assert.Equal(
            """
            a:
              b:
              - c: 1
                d:
                - x
              - []
              - {}
            e: null
            f: true
            g:
            - - 1
              - 2

            """.ReplaceLineEndings("\n"),
            YamlWriter.Write(document));
    }

    [Theory]
    [InlineData("plain words")]
    [InlineData("true")]
    [InlineData("No")]
    [InlineData("1.0")]
    [InlineData("1e3")]
    [InlineData(".5")]
    [InlineData("-")]
    [InlineData("key: value")]
    [InlineData("a #b")]
    [InlineData(" padded ")]
    [InlineData("")]
    [InlineData("~")]
    [InlineData("two\nlines\ttab")]
    [InlineData("\"quoted\" \\ 'too'")]
    [InlineData("*star &and !bang %percent @at `tick")]
    [InlineData("grüße \u2028 \u0007")]
    [InlineData("<a>&b")]
    public void Write_AnyText_ReadsBackTheSame(string text)
    {
        var document = new JsonObject { ["key"] = text, [text + "k"] = new JsonArray(text) };

        Assert.True(JsonNode.DeepEquals(document, Yaml.ToJson(YamlWriter.Write(document))));
    }
}
