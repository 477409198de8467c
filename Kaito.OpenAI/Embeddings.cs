using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kaito.OpenAI;

/// <summary>Body of <c>POST /v1/embeddings</c>, with the members that vLLM adds.</summary>
/// <seealso href="https://platform.openai.com/docs/api-reference/embeddings/create"/>
public sealed record EmbeddingRequest : IModelRequest
{
    /// <summary>The served model's name; any when left out.</summary>
    public string? Model { get; init; }

    /// <summary>One or more texts, as text or as token ids; required.</summary>
    public PromptInput? Input { get; init; }

    /// <summary><c>float</c> or <c>base64</c>; default <c>float</c>.</summary>
    public string? EncodingFormat { get; init; }

    /// <summary>Numbers of a vector, for models that were trained to be cut.</summary>
    public int? Dimensions { get; init; }

    /// <summary>Who asks; not used.</summary>
    public string? User { get; init; }

    /// <summary>Cuts each input to this many tokens; -1 for as many as the model takes.</summary>
    public int? TruncatePromptTokens { get; init; }

    /// <summary>Puts the model's own start and end tokens around text inputs; default true.</summary>
    public bool? AddSpecialTokens { get; init; }

    /// <summary>Gives vectors length 1; default as the model's author says.</summary>
    public bool? Normalize { get; init; }

    /// <summary>A chat in place of <see cref="Input"/>; embedding models here have no chat template.</summary>
    public JsonElement? Messages { get; init; }
}

/// <summary>The answer: one vector per input, in order.</summary>
/// <param name="Id">Starts with <c>embd-</c>.</param>
/// <param name="Created">Unix seconds.</param>
/// <param name="Model">The served model's name.</param>
/// <param name="Data">One entry per input.</param>
/// <param name="Usage">Tokens that were embedded; nothing is generated.</param>
public sealed record EmbeddingList(
    string Id, long Created, string Model, IReadOnlyList<EmbeddingItem> Data, Usage Usage)
{
    /// <summary><c>list</c>.</summary>
    public string Object { get; init; } = "list";
}

/// <summary>The vector of one input.</summary>
/// <param name="Index">Place of the input in the request.</param>
/// <param name="Embedding">The numbers.</param>
public sealed record EmbeddingItem(int Index, EmbeddingVector Embedding)
{
    /// <summary><c>embedding</c>.</summary>
    public string Object { get; init; } = "embedding";
}

/// <summary>A vector: on the wire a list of numbers, or the base64 of its little-endian float32 values.</summary>
/// <param name="Values">The numbers.</param>
/// <param name="Base64">Which of the two forms is written.</param>
[JsonConverter(typeof(EmbeddingVectorConverter))]
public sealed record EmbeddingVector(IReadOnlyList<float> Values, bool Base64);

internal sealed class EmbeddingVectorConverter : JsonConverter<EmbeddingVector>
{
    private const string Expected = "An embedding is a list of numbers or the base64 of float32 values.";

    public override EmbeddingVector Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.String)
        {
            return reader.TryGetBytesFromBase64(out var bytes) && bytes.Length % sizeof(float) == 0
                ? new(MemoryMarshal.Cast<byte, float>(bytes).ToArray(), Base64: true)
                : throw new JsonException(Expected);
        }

        var values = new List<float>();
        while (reader.TokenType is JsonTokenType.StartArray or JsonTokenType.Number && reader.Read())
        {
            if (reader.TokenType == JsonTokenType.Number)
            {
                values.Add(reader.GetSingle());
            }
        }

        return reader.TokenType == JsonTokenType.EndArray
            ? new([.. values], Base64: false)
            : throw new JsonException(Expected);
    }

    // Little-endian machines only, as all that .NET runs this on are.
    public override void Write(Utf8JsonWriter writer, EmbeddingVector value, JsonSerializerOptions options)
    {
        if (value.Base64)
        {
            float[] values = [.. value.Values];
            writer.WriteBase64StringValue(MemoryMarshal.AsBytes<float>(values));
            return;
        }

        writer.WriteStartArray();
        foreach (var number in value.Values)
        {
            writer.WriteNumberValue(number);
        }

        writer.WriteEndArray();
    }
}
