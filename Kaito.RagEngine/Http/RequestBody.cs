using System.Text.Json;
using System.Text.Unicode;

namespace Kaito.RagEngine.Http;

/// <summary>Reads JSON bodies; the caller disposes the document.</summary>
internal static class RequestBody
{
    // Deep enough for any metadata; a reader that recurses must end.
    private static readonly JsonDocumentOptions s_options = new() { MaxDepth = 64 };

    /// <summary>Reads a body that must be an object.</summary>
    /// <param name="http">The request.</param>
    /// <param name="model">True when the object's members are checked; decides the wording only.</param>
    /// <exception cref="BodyException">No JSON object.</exception>
    public static async Task<JsonDocument> ReadAsync(HttpContext http, bool model)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        if (body.Length == 0)
        {
            throw new BodyException([new("missing", ["body"], "Field required", "null")]);
        }

        var document = Parse(body.ToArray());
        if (document.RootElement.ValueKind == JsonValueKind.Object)
        {
            return document;
        }

        using (document)
        {
            var (type, message) = model
                ? ("model_attributes_type", "Input should be a valid dictionary or object to extract fields from")
                : ("dict_type", "Input should be a valid dictionary");
            throw new BodyException([new(type, ["body"], message, document.RootElement.GetRawText())]);
        }
    }

    private static JsonDocument Parse(byte[] json)
    {
        try
        {
            if (!Utf8.IsValid(json))
            {
                throw RagException.Invalid("There was an error parsing the body");
            }

            var document = JsonDocument.Parse(json, s_options);
            RequireWholeCharacters(json);
            return document;
        }
        catch (JsonException bad)
        {
            throw new BodyException(
                [new("json_invalid", ["body", Offset(json, bad)], "JSON decode error", "{}", ("error", Reason(bad)))]);
        }
    }

    // JSON can spell half a character, which no UTF-8 can carry: it would fail much later.
    private static void RequireWholeCharacters(ReadOnlySpan<byte> json)
    {
        if (json.IndexOf("\\u"u8) < 0)
        {
            return;
        }

        var reader = new Utf8JsonReader(json);
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped)
            {
                try
                {
                    _ = reader.GetString();
                }
                catch (InvalidOperationException)
                {
                    throw new BodyException([new(
                        "string_unicode", ["body"],
                        "Input should be a valid string, unable to parse raw data as a unicode string", "null")]);
                }
            }
        }
    }

    private static int Offset(byte[] json, JsonException bad)
    {
        var (line, at) = (bad.LineNumber ?? 0, 0);
        while (line-- > 0 && Array.IndexOf(json, (byte)'\n', at) is >= 0 and var end)
        {
            at = end + 1;
        }

        return (int)Math.Min(json.Length, at + (bad.BytePositionInLine ?? 0));
    }

    private static string Reason(JsonException bad)
    {
        var end = bad.Message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        return end < 0 ? bad.Message : bad.Message[..end];
    }
}
