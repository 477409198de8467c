using System.Text.Json;
using Kaito.OpenAI;

namespace Kaito.Tests.OpenAI;

public sealed class ContentTests
{
    [Theory]
    [InlineData("\"hi\"", "hi", true)]
    [InlineData("[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]", "a\nb", false)]
    [InlineData("[{\"type\":\"image_url\",\"image_url\":{\"url\":\"x\"}}]", "", false)]
    [InlineData("[]", "", false)]
    public void Content_BothForms_AreReadAndWrittenBack(string json, string text, bool plain)
    {
        var message = Read($$"""{"role":"user","content":{{json}}}""").Messages![0];

        Assert.Equal((text, plain), (message.Content!.Text, message.Content.IsPlain));
        Assert.Equal(
            $$"""{"messages":[{"role":"user","content":{{json}}}]}""",
            JsonSerializer.Serialize(
                new ChatCompletionRequest { Messages = [message] }, OpenAIJson.Default.ChatCompletionRequest));
    }

    [Theory]
    [InlineData("7")]
    [InlineData("{\"type\":\"text\"}")]
    [InlineData("[{\"text\":\"no type\"}]")]
    [InlineData("[7]")]
    public void Content_OtherForms_AreRefusedWithTheirPlace(string json)
    {
        var error = Assert.ThrowsAny<JsonException>(() => Read($$"""{"role":"user","content":{{json}}}"""));

        Assert.Equal("$.messages[0].content", error.Path);
    }

    [Theory]
    [InlineData("\"a\"", "a", "")]
    [InlineData("[\"a\",\"b\"]", "a|b", "")]
    [InlineData("[1,2]", "", "1,2")]
    [InlineData("[[1],[2,3]]", "", "1|2,3")]
    [InlineData("[]", "", "")]
    public void Prompt_EveryForm_IsRead(string json, string texts, string tokens)
    {
        var prompt = JsonSerializer.Deserialize(
            $$"""{"prompt":{{json}}}""", OpenAIJson.Default.CompletionRequest)!.Prompt!;

        Assert.Equal(texts, string.Join('|', prompt.Texts));
        Assert.Equal(tokens, string.Join('|', prompt.Tokens.Select(static ids => string.Join(',', ids))));
    }

    [Theory]
    [InlineData("7")]
    [InlineData("{}")]
    [InlineData("[true]")]
    [InlineData("[1,\"a\"]")]
    [InlineData("[\"a\",1]")]
    [InlineData("[[1.5]]")]
    [InlineData("[99999999999]")]
    public void Prompt_OtherForms_AreRefused(string json) => Assert.ThrowsAny<JsonException>(
        () => JsonSerializer.Deserialize($$"""{"prompt":{{json}}}""", OpenAIJson.Default.CompletionRequest));

    [Theory]
    [InlineData("\"a\"", new[] { "a" })]
    [InlineData("[\"a\",\"b\"]", new[] { "a", "b" })]
    [InlineData("null", null)]
    public void Stop_StringOrList_IsAList(string json, string[]? expected) => Assert.Equal(
        expected,
        JsonSerializer.Deserialize($$"""{"stop":{{json}}}""", OpenAIJson.Default.CompletionRequest)!.Stop);

    private static ChatCompletionRequest Read(string message) => JsonSerializer.Deserialize(
        $$"""{"messages":[{{message}}]}""", OpenAIJson.Default.ChatCompletionRequest)!;
}
