using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.Unicode;

namespace Kaito.InferenceHost.Http;

/// <summary>Reads JSON bodies through their generated contract.</summary>
internal static class RequestBody
{
    /// <exception cref="BadHttpRequestException">Not declared as JSON, null, or too large.</exception>
    /// <exception cref="MalformedBodyException">Not JSON, or a member has the wrong type.</exception>
    public static async Task<T> ReadAsync<T>(HttpContext http, JsonTypeInfo<T> contract)
    {
        if (!http.Request.HasJsonContentType())
        {
            throw new BadHttpRequestException(
                "Unsupported Media Type: only 'application/json' is allowed; set the Content-Type header to it.");
        }

        // Whole in memory, so that an error can name the value; the server bounds its size.
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        return Parse(body.GetBuffer().AsMemory(0, (int)body.Length), contract);
    }

    private static T Parse<T>(ReadOnlyMemory<byte> json, JsonTypeInfo<T> contract)
    {
        try
        {
            if (!Utf8.IsValid(json.Span))
            {
                // Found before anything is read of it: reading would fail over it in many places.
                throw new BadHttpRequestException("The body is not UTF-8; send it in that encoding.");
            }

            RequireWholeCharacters(json.Span);
            return JsonSerializer.Deserialize(json.Span, contract)
                ?? throw new BadHttpRequestException("The body is null; send a JSON object.");
        }
        catch (JsonException bad)
        {
            throw MalformedBodyException.Of(bad, json, contract);
        }
    }

    // JSON can spell half a character. Members that are kept as sent would fail over it much later.
    private static void RequireWholeCharacters(ReadOnlySpan<byte> json)
    {
        if (json.IndexOf("\\u"u8) < 0)
        {
            return;
        }

        var reader = new Utf8JsonReader(json);
        while (reader.Read())
        {
            if (reader.TokenType is not (JsonTokenType.String or JsonTokenType.PropertyName) || !reader.ValueIsEscaped)
            {
                continue;
            }

            try
            {
                _ = reader.GetString();
            }
            catch (InvalidOperationException half)
            {
                throw new JsonException("A string holds half of a surrogate pair; send whole characters.", half);
            }
        }
    }
}
