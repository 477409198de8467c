using System.Text;
using Kaito.RagEngine.Chunking;

namespace Kaito.Tests.RagEngine.Chunking;

public sealed class ChunkerTests
{
    [Fact]
    public void Split_ShortText_IsOneChunkOfTheTrimmedText()
    {
        var chunk = Assert.Single(Chunker.Split("d", "  Short text. \n", "{}", null));

        Assert.Equal(("Short text.", 2, 13), (chunk.Text, chunk.Start, chunk.End));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" \n\t ")]
    public void Split_BlankText_IsNoChunk(string text) => Assert.Empty(Chunker.Split("d", text, "{}", null));

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"split_type":"markdown"}""")]
    [InlineData("""{"split_type":"code","language":"csharp"}""")]
    [InlineData("""{"split_type":"code","language":"python"}""")]
    public void Split_AnyText_OffsetsResolveAndNothingIsLost(string metadata)
    {
        foreach (var seed in Enumerable.Range(0, 20))
        {
            var text = RandomText(new(seed));
            var chunks = Chunker.Split("d", text, metadata, 64);
            var covered = new bool[text.Length];
            Assert.All(chunks, chunk =>
            {
                Assert.Equal(text[chunk.Start..chunk.End], chunk.Text);
                Array.Fill(covered, true, chunk.Start, chunk.End - chunk.Start);
            });

            Assert.DoesNotContain(
                text.Select((unit, at) => (unit, at)), c => !covered[c.at] && !char.IsWhiteSpace(c.unit));
            Assert.Equal(chunks.Length, chunks.Select(static c => c.NodeId).Distinct().Count());
        }
    }

    [Fact]
    public void Split_LongProse_KeepsSizeEndsAtSentencesAndOverlaps()
    {
        var text = string.Concat(Enumerable.Range(0, 600).Select(static i => $"This is sentence number {i} of the text. "));

        var chunks = Chunker.Split("d", text, "{}", null);

        Assert.True(chunks.Length > 3);
        Assert.All(chunks, static chunk =>
        {
            Assert.InRange(TokenCount.Of(chunk.Text), 1, Chunker.Size);
            Assert.EndsWith("text.", chunk.Text, StringComparison.Ordinal);
            Assert.StartsWith("This is sentence", chunk.Text, StringComparison.Ordinal);
        });
        Assert.All(chunks.Zip(chunks.Skip(1)), static pair => Assert.InRange(
            pair.First.End - pair.Second.Start, 100, pair.First.Text.Length / 3));
    }

    [Fact]
    public void Split_Markdown_BreaksAtHeadingsNotInsideFences()
    {
        var text = string.Concat(Enumerable.Range(0, 30).Select(static i =>
            $"## Heading {i}\n\n{new StringBuilder().Insert(0, "Some words of prose here. ", 40)}\n\n"
            + "```sh\n# not a heading\nls\n```\n\n"));

        var chunks = Chunker.Split("d", text, """{"split_type":"markdown"}""", null);

        Assert.True(chunks.Length > 4);
        Assert.All(chunks, static chunk => Assert.StartsWith("## Heading", chunk.Text, StringComparison.Ordinal));
    }

    // Upstream's test: a short Go file stays whole.
    [Fact]
    public void Split_ShortCode_StaysWhole()
    {
        const string Code = "package main\nfunc main() { println(\"hi\") }";

        Assert.Equal(
            Code, Assert.Single(Chunker.Split("d", Code, """{"split_type":"code","language":"go"}""", null)).Text);
    }

    [Theory]
    [InlineData("csharp", "// Says {0}.\npublic void Method{0}()\n{{\n    var text = \"}} not the end\";\n    /* {{ */\n    Call(text);\n}}\n\n", "// Says")]
    [InlineData("python", "# Says {0}.\ndef method{0}(value):\n    if value:\n        return \"it's\"\n    return call(value)\n\n", "# Says")]
    [InlineData("rust", "#[inline]\nfn method{0}<'a>(x: &'a str) -> &'a str {{\n    match x {{ _ => x }}\n}}\n\n", "#[inline]")]
    public void Split_LongCode_BreaksBeforeDeclarationsWithTheirComments(string language, string unit, string first)
    {
        var text = string.Concat(Enumerable.Range(0, 120).Select(i =>
            string.Format(System.Globalization.CultureInfo.InvariantCulture, unit, i)));

        var chunks = Chunker.Split("d", text, $$"""{"split_type":"code","language":"{{language}}"}""", null);

        Assert.True(chunks.Length > 5);
        Assert.All(chunks, chunk =>
        {
            Assert.StartsWith(first, chunk.Text, StringComparison.Ordinal);
            Assert.InRange(chunk.Text.Length, 1, CodeSplitter.Size);
        });
        Assert.All(chunks[..^1], static chunk => Assert.InRange(chunk.Text.Length, 1000, CodeSplitter.Size));
    }

    [Fact]
    public void Split_CodeWithoutLanguage_IsRefusedInUpstreamsWords() => Assert.Equal(
        "Language not specified in node metadata.",
        Assert.Throws<ChunkingException>(static () => Chunker.Split("d", "x", """{"split_type":"code"}""", null)).Message);

    [Fact]
    public void Split_UnknownLanguage_NamesIt() => Assert.Contains(
        "klingon",
        Assert.Throws<ChunkingException>(static () =>
            Chunker.Split("d", "x", """{"split_type":"code","language":"klingon"}""", null)).Message,
        StringComparison.Ordinal);

    [Fact]
    public void Split_MetadataWithoutRoom_IsRefused() => Assert.Contains(
        "longer than chunk size",
        Assert.Throws<ChunkingException>(static () =>
            Chunker.Split("d", "x", $$"""{"note":"{{new string('x', 9000)}}"}""", null)).Message,
        StringComparison.Ordinal);

    private static string RandomText(Random random)
    {
        string[] parts =
            [
                "word ", "Sentence ends. ", "\n\n", "\n", "# Heading\n", "```\ncode\n```\n", "文字です。", "🎉", "{", "}", "(", ")",
                "\"quote\" ", "it's ", "def f():\n    x\n", "/* c */", new string('x', 300), "é", "\t",
            ];
        return string.Concat(Enumerable.Range(0, 400).Select(_ => parts[random.Next(parts.Length)]));
    }
}
