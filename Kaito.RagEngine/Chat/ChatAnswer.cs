using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Kaito.RagEngine.Chunking;
using Kaito.RagEngine.Http;
using Kaito.RagEngine.Retrieval;

namespace Kaito.RagEngine.Chat;

/// <summary>PURE: the model's answer, and the passages that it was given.</summary>
internal static class ChatAnswer
{
    private static readonly string[] s_required = ["id", "choices", "created", "model", "object"];

    /// <summary>The model's answer with <c>source_nodes: null</c>: it was asked alone.</summary>
    /// <exception cref="RagException">It is no chat completion.</exception>
    public static byte[] Plain(byte[] answer)
    {
        using var document = Read(answer);
        var missing = s_required.Where(name => !document.RootElement.TryGetProperty(name, out _)).ToArray();
        if (missing.Length > 0)
        {
            throw RagException.Invalid(
                $"{missing.Length} validation error(s) for ChatCompletion: Field required: {string.Join(", ", missing)}");
        }

        return Write(document.RootElement, static json => json.WriteNull("source_nodes"));
    }

    /// <summary>The model's answer with its own id and usage, and the passages; what is missing is filled in.</summary>
    /// <param name="answer">Of the model.</param>
    /// <param name="request">What was asked.</param>
    /// <param name="prompt">What of it is the question.</param>
    /// <param name="passages">What the model was given.</param>
    /// <param name="now">Stands in for a missing time, and makes a missing id.</param>
    public static byte[] WithSources(
        byte[] answer, ChatRequest request, PromptSplit prompt, ImmutableArray<Ranked> passages, DateTimeOffset now)
    {
        using var document = Read(answer);
        var root = document.RootElement;
        return Write(root, json =>
        {
            Fill(json, root, "id", j => j.WriteStringValue(FormattableString.Invariant($"chatcmpl-{now.UtcTicks:x}")));
            Fill(json, root, "object", static j => j.WriteStringValue("chat.completion"));
            Fill(json, root, "created", j => j.WriteNumberValue(now.ToUnixTimeSeconds()));
            Fill(json, root, "model", j => j.WriteStringValue(request.Model ?? ""));
            Fill(json, root, "choices", static j => EmptyChoice(j));
            Fill(json, root, "usage", j => Usage(j, prompt.Tokens + Tokens(passages), Answered(root)));
            json.WritePropertyName("source_nodes");
            Sources(json, prompt.Question, passages);
        });
    }

    /// <summary>An event without words that carries the passages, before those of the model.</summary>
    public static byte[] SourcesEvent(
        ChatRequest request, PromptSplit prompt, ImmutableArray<Ranked> passages, DateTimeOffset now)
    {
        var buffer = new ArrayBufferWriter<byte>();
        buffer.Write("data: "u8);
        using (var json = new Utf8JsonWriter(buffer, RagResults.Plain))
        {
            json.WriteStartObject();
            json.WriteString("id", FormattableString.Invariant($"chatcmpl-{now.UtcTicks:x}"));
            json.WriteString("object", "chat.completion.chunk");
            json.WriteNumber("created", now.ToUnixTimeSeconds());
            json.WriteString("model", request.Model ?? "");
            json.WriteStartArray("choices");
            json.WriteEndArray();
            json.WritePropertyName("source_nodes");
            Sources(json, prompt.Question, passages);
            json.WriteEndObject();
        }

        buffer.Write("\n\n"u8);
        return buffer.WrittenSpan.ToArray();
    }

    private static JsonDocument Read(byte[] answer)
    {
        try
        {
            var document = JsonDocument.Parse(answer);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document
                : throw RagException.Invalid("The model's answer is not a JSON object.");
        }
        catch (JsonException bad)
        {
            throw RagException.Invalid($"The model's answer is not JSON: {bad.Message}");
        }
    }

    private static byte[] Write(JsonElement answer, Action<Utf8JsonWriter> more)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, RagResults.Plain))
        {
            json.WriteStartObject();
            foreach (var member in answer.EnumerateObject().Where(static m => !m.NameEquals("source_nodes")))
            {
                member.WriteTo(json);
            }

            more(json);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static void Fill(Utf8JsonWriter json, JsonElement answer, string name, Action<Utf8JsonWriter> write)
    {
        if (!answer.TryGetProperty(name, out _))
        {
            json.WritePropertyName(name);
            write(json);
        }
    }

    private static void Sources(Utf8JsonWriter json, string question, ImmutableArray<Ranked> passages)
    {
        json.WriteStartArray();
        foreach (var passage in passages)
        {
            NodeJson.Write(json, passage, ContextSelector.Distance(passage), question, nullMetadata: false);
        }

        json.WriteEndArray();
    }

    private static void EmptyChoice(Utf8JsonWriter json)
    {
        json.WriteStartArray();
        json.WriteStartObject();
        json.WriteNumber("index", 0);
        json.WriteStartObject("message");
        json.WriteString("role", "assistant");
        json.WriteString("content", "");
        json.WriteEndObject();
        json.WriteString("finish_reason", "stop");
        json.WriteEndObject();
        json.WriteEndArray();
    }

    private static void Usage(Utf8JsonWriter json, int prompt, int answer)
    {
        json.WriteStartObject();
        json.WriteNumber("prompt_tokens", prompt);
        json.WriteNumber("completion_tokens", answer);
        json.WriteNumber("total_tokens", prompt + answer);
        json.WriteEndObject();
    }

    private static int Tokens(ImmutableArray<Ranked> passages) =>
        passages.Sum(static p => TokenCount.Of(p.Hit.Passage.Text));

    private static int Answered(JsonElement answer)
    {
        var text = new StringBuilder();
        if (answer.TryGetProperty("choices", out var choices) && choices.ValueKind == JsonValueKind.Array)
        {
            foreach (var choice in choices.EnumerateArray())
            {
                if (choice.ValueKind == JsonValueKind.Object && choice.TryGetProperty("message", out var message)
                    && message.ValueKind == JsonValueKind.Object)
                {
                    text.Append(MessageText.Of(message));
                }
            }
        }

        return TokenCount.Of(text.ToString());
    }
}
