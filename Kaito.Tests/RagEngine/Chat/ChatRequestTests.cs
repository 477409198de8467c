using System.Text.Json;
using Kaito.RagEngine.Chat;

namespace Kaito.Tests.RagEngine.Chat;

public sealed class ChatRequestTests
{
    [Theory]
    [InlineData("{}", "")]
    [InlineData("""{"messages":"text"}""", "")]
    [InlineData("""{"messages":[{"content":"a"},{"content":null},{"content":[{"type":"text","text":"b"},"c"]},3]}""", "a\n\nb\nc")]
    public void Prompt_Messages_AreJoinedByBlankLines(string json, string expected)
    {
        using var body = JsonDocument.Parse(json);

        Assert.Equal(expected, ChatRequest.Parse(body.RootElement, new()).Prompt);
    }
}
