using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kaito.OpenAI;

/// <summary>Content of a message: on the wire a string, or a list of typed parts.</summary>
[JsonConverter(typeof(MessageContentConverter))]
public sealed record MessageContent
{
    /// <summary>Content that is one string.</summary>
    public MessageContent(string text) => (Parts, IsPlain) = ([new() { Type = "text", Text = text }], true);

    /// <summary>Content that is a list of parts.</summary>
    public MessageContent(IReadOnlyList<ContentPart> parts) => Parts = parts;

    /// <summary>A plain string is one text part.</summary>
    public IReadOnlyList<ContentPart> Parts { get; }

    /// <summary>Whether the wire form is a string.</summary>
    public bool IsPlain { get; }

    /// <summary>The text parts, joined with a newline.</summary>
    public string Text => string.Join('\n', Parts.Where(part => part?.Text is not null).Select(part => part.Text));
}

/// <summary>One part of a message's content.</summary>
public sealed record ContentPart
{
    /// <summary><c>text</c>, <c>image_url</c>, …</summary>
    public required string Type { get; init; }

    /// <summary>Set on text parts.</summary>
    public string? Text { get; init; }

    /// <summary>Members of other kinds of part, as sent.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Extra { get; set; }
}

/// <summary>Prompts of a completion: on the wire a string, strings, token ids, or lists of token ids.</summary>
/// <param name="Texts">Text prompts; empty when the client sent token ids.</param>
/// <param name="Tokens">Token id prompts; empty when the client sent text.</param>
[JsonConverter(typeof(PromptInputConverter))]
public sealed record PromptInput(IReadOnlyList<string> Texts, IReadOnlyList<int[]> Tokens);

/// <summary>Reads and writes both wire forms; public so that other contracts can hold messages.</summary>
public sealed class MessageContentConverter : JsonConverter<MessageContent>
{
    /// <inheritdoc/>
    public override MessageContent Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType switch
        {
            JsonTokenType.String => new(reader.GetString()!),
            JsonTokenType.StartArray => new(ReadParts(ref reader)),
            _ => throw new JsonException("Content is a string or a list of parts."),
        };

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, MessageContent value, JsonSerializerOptions options)
    {
        if (value.IsPlain)
        {
            writer.WriteStringValue(value.Text);
            return;
        }

        JsonSerializer.Serialize(writer, value.Parts, OpenAIJson.Default.IReadOnlyListContentPart);
    }

    private static IReadOnlyList<ContentPart> ReadParts(ref Utf8JsonReader reader)
    {
        try
        {
            return JsonSerializer.Deserialize(ref reader, OpenAIJson.Default.IReadOnlyListContentPart)!;
        }
        catch (JsonException bad)
        {
            // Its path starts at the list; without a path of its own, the error gets the path of the whole content.
            throw new JsonException(
                "Content is a string or a list of parts; a part is an object with a 'type' and, for text, a 'text'.",
                bad);
        }
    }
}

internal sealed class StringOrListConverter : JsonConverter<IReadOnlyList<string>>
{
    public override IReadOnlyList<string> Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
        reader.TokenType switch
        {
            JsonTokenType.String => [reader.GetString()!],
            JsonTokenType.StartArray => ReadAll(ref reader),
            _ => throw new JsonException("Expected a string or a list of strings."),
        };

    public override void Write(Utf8JsonWriter writer, IReadOnlyList<string> value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        foreach (var item in value)
        {
            writer.WriteStringValue(item);
        }

        writer.WriteEndArray();
    }

    /// <summary>Reads strings up to the end of the list that the reader stands in.</summary>
    internal static List<string> ReadAll(ref Utf8JsonReader reader)
    {
        var items = new List<string>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.String)
            {
                throw new JsonException("The list may hold strings only.");
            }

            items.Add(reader.GetString()!);
        }

        return items;
    }
}

internal sealed class PromptInputConverter : JsonConverter<PromptInput>
{
    private const string Expected =
        "A prompt is a string, a list of strings, a list of token ids or a list of such lists.";

    public override PromptInput Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.String)
        {
            return new([reader.GetString()!], []);
        }

        using var document = reader.TokenType == JsonTokenType.StartArray
            ? JsonDocument.ParseValue(ref reader)
            : throw new JsonException(Expected);
        var items = document.RootElement;
        var first = items.GetArrayLength() == 0 ? JsonValueKind.Undefined : items[0].ValueKind;
        return first switch
        {
            JsonValueKind.Undefined => new([], []),
            JsonValueKind.String => new([.. items.EnumerateArray().Select(Text)], []),
            JsonValueKind.Number => new([], [Ids(items)]),
            JsonValueKind.Array => new([], [.. items.EnumerateArray().Select(Ids)]),
            _ => throw new JsonException(Expected),
        };
    }

    public override void Write(Utf8JsonWriter writer, PromptInput value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        foreach (var text in value.Texts)
        {
            writer.WriteStringValue(text);
        }

        foreach (var tokens in value.Tokens)
        {
            writer.WriteStartArray();
            foreach (var token in tokens)
            {
                writer.WriteNumberValue(token);
            }

            writer.WriteEndArray();
        }

        writer.WriteEndArray();
    }

    private static string Text(JsonElement item) =>
        item.ValueKind == JsonValueKind.String ? item.GetString()! : throw new JsonException(Expected);

    private static int[] Ids(JsonElement items) =>
        items.ValueKind == JsonValueKind.Array
            ? [.. items.EnumerateArray().Select(Id)]
            : throw new JsonException(Expected);

    private static int Id(JsonElement item) =>
        item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out var id) ? id : throw new JsonException(Expected);
}
