using System.Buffers;
using System.Numerics.Tensors;
using System.Text.Json;

namespace Kaito.RagEngine.Embedding;

/// <summary>PURE: both dialects of embedding services.</summary>
internal static class RemoteVectors
{
    public static byte[] Write(string[] texts, EmbeddingSource.Remote source)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (source.Dialect == EmbeddingDialect.Inputs)
            {
                json.WriteString("inputs", texts[0]);
            }
            else
            {
                json.WriteString("model", source.Model);
                json.WriteStartArray("input");
                foreach (var text in texts)
                {
                    // Servers refuse an empty input.
                    json.WriteStringValue(text.Length == 0 ? " " : text);
                }

                json.WriteEndArray();
            }

            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>The vectors in the order of the texts, each of length 1.</summary>
    /// <exception cref="EmbeddingException">The answer has another form.</exception>
    /// <exception cref="JsonException">The answer is no JSON.</exception>
    public static List<float[]> Read(byte[] body, EmbeddingDialect dialect)
    {
        using var document = JsonDocument.Parse(body);
        return dialect == EmbeddingDialect.OpenAI ? Data(document.RootElement) : Lists(document.RootElement);
    }

    private static List<float[]> Data(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("data", out var data)
            || data.ValueKind != JsonValueKind.Array)
        {
            throw new EmbeddingException("Unexpected response format. Expected an object with a list in data.");
        }

        var vectors = new float[data.GetArrayLength()][];
        var at = 0;
        foreach (var item in data.EnumerateArray())
        {
            var index = item.TryGetProperty("index", out var given) && given.TryGetInt32(out var place) ? place : at;
            if (index < 0 || index >= vectors.Length || !item.TryGetProperty("embedding", out var vector))
            {
                throw new EmbeddingException("Unexpected response format. Expected index and embedding in each item.");
            }

            vectors[index] = Vector(vector);
            at++;
        }

        return [.. vectors];
    }

    // One flat vector, or a list with one vector in it.
    private static List<float[]> Lists(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Array || root.GetArrayLength() == 0)
        {
            throw new EmbeddingException("Unexpected response format. Expected a list.");
        }

        return root[0].ValueKind == JsonValueKind.Array ? [.. root.EnumerateArray().Select(Vector)] : [Vector(root)];
    }

    private static float[] Vector(JsonElement list)
    {
        if (list.ValueKind != JsonValueKind.Array || list.EnumerateArray().Any(static n => n.ValueKind != JsonValueKind.Number))
        {
            throw new EmbeddingException("Unexpected response format. Expected a list of numbers.");
        }

        float[] vector = [.. list.EnumerateArray().Select(static n => n.GetSingle())];
        var norm = TensorPrimitives.Norm<float>(vector);
        if (norm > 0)
        {
            TensorPrimitives.Divide(vector, norm, vector);
        }

        return vector;
    }
}
