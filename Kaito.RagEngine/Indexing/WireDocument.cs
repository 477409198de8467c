using System.Buffers;
using System.Text;
using System.Text.Json;
using Kaito.RagEngine.Http;

namespace Kaito.RagEngine.Indexing;

/// <summary>A document as clients send and get it.</summary>
/// <param name="Id">Its key.</param>
/// <param name="Text">Whole, or cut in listings.</param>
/// <param name="Metadata">A JSON object.</param>
internal sealed record WireDocument(string Id, string Text, string Metadata)
{
    public string? Hash { get; init; }

    public bool Truncated { get; init; }

    /// <summary>Reads one document of a request; what clients may not set is ignored.</summary>
    public static WireDocument Read(JsonElement json, object[] place, List<Problem> found)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            found.Add(new(
                "model_attributes_type", place,
                "Input should be a valid dictionary or object to extract fields from", json.GetRawText()));
            return new("", "", "{}");
        }

        var fields = new Fields(json, place, found);
        var id = fields.Text("doc_id", "", nullable: false)!;
        var text = fields.Text("text");
        var metadata = fields.Object("metadata");
        _ = fields.Text("hash_value", null, nullable: true);
        _ = fields.Flag("is_truncated", false);
        return new(id, text, metadata is { } given ? Compact(given) : "{}");
    }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("doc_id", Id);
        json.WriteString("text", Text);
        json.WritePropertyName("metadata");
        json.WriteRawValue(Metadata);
        json.WriteString("hash_value", Hash);
        json.WriteBoolean("is_truncated", Truncated);
        json.WriteEndObject();
    }

    public static void Write(Utf8JsonWriter json, string name, IEnumerable<WireDocument> documents)
    {
        json.WriteStartArray(name);
        foreach (var document in documents)
        {
            document.Write(json);
        }

        json.WriteEndArray();
    }

    /// <summary>JSON without white space.</summary>
    public static string Compact(JsonElement value)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, RagResults.Plain))
        {
            value.WriteTo(json);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
