using System.Buffers;
using System.Collections.Immutable;
using System.Text.Json;
using Kaito.RagEngine.Http;
using Kaito.RagEngine.Retrieval;

namespace Kaito.RagEngine.Chat;

/// <summary>PURE: what the answering model is sent.</summary>
internal static class ForwardedBody
{
    private const string Instruction = "Use the context information below to assist the user.";

    private static readonly string s_rule = new('-', 20);

    // This service's own; the model does not know them.
    private static readonly string[] s_own = ["index_name", "context_token_ratio"];

    /// <summary>The request as it came, less what is this service's own.</summary>
    public static byte[] Plain(ChatRequest request, string? model) => Write(json =>
    {
        Copy(json, request, s_own);
        Model(json, request, model);
    });

    /// <summary>
    /// The request with the passages as the first system message, then the earlier conversation, then the question.
    /// </summary>
    public static byte[] WithContext(
        ChatRequest request, PromptSplit prompt, ImmutableArray<Ranked> passages, string? model) => Write(json =>
    {
        Copy(json, request, [.. s_own, "messages"]);
        Model(json, request, model);
        json.WriteStartArray("messages");
        Message(json, "system", Context(passages));
        foreach (var message in prompt.History)
        {
            message.Source.WriteTo(json);
        }

        Message(json, "user", prompt.Question);
        json.WriteEndArray();
    });

    /// <summary>A request to count the tokens of a text, in vLLM's dialect.</summary>
    public static byte[] Tokenize(string text, string? model) => Write(json =>
    {
        if (model is not null)
        {
            json.WriteString("model", model);
        }

        json.WriteString("prompt", text);
        json.WriteBoolean("add_special_tokens", false);
    });

    /// <summary>The passages as the model gets them, without what stands around them.</summary>
    public static string Texts(ImmutableArray<Ranked> passages) =>
        string.Join("\n\n", passages.Select(static p => p.Hit.Passage.Text.Trim()));

    private static string Context(ImmutableArray<Ranked> passages) =>
        $"{Instruction}\n{s_rule}\n{Texts(passages)}\n{s_rule}\n";

    private static byte[] Write(Action<Utf8JsonWriter> members)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, RagResults.Plain))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static void Copy(Utf8JsonWriter json, ChatRequest request, string[] without)
    {
        foreach (var member in request.Body.EnumerateObject())
        {
            if (!without.Contains(member.Name) && !(member.NameEquals("model") && request.Model is null))
            {
                member.WriteTo(json);
            }
        }
    }

    private static void Model(Utf8JsonWriter json, ChatRequest request, string? model)
    {
        if (request.Model is null && model is not null)
        {
            json.WriteString("model", model);
        }
    }

    private static void Message(Utf8JsonWriter json, string role, string content)
    {
        json.WriteStartObject();
        json.WriteString("role", role);
        json.WriteString("content", content);
        json.WriteEndObject();
    }
}
