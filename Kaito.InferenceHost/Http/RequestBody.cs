using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Kaito.InferenceHost.Http;

/// <summary>Reads JSON bodies through their generated contract.</summary>
internal static class RequestBody
{
    /// <exception cref="BadHttpRequestException">Not declared as JSON, empty, or too large.</exception>
    /// <exception cref="JsonException">Not JSON, or a member has the wrong type.</exception>
    public static async Task<T> ReadAsync<T>(HttpContext http, JsonTypeInfo<T> contract)
    {
        if (!http.Request.HasJsonContentType())
        {
            throw new BadHttpRequestException(
                "Unsupported Media Type: only 'application/json' is allowed; set the Content-Type header to it.");
        }

        return await JsonSerializer.DeserializeAsync(http.Request.Body, contract, http.RequestAborted)
            ?? throw new BadHttpRequestException("The body is null; send a JSON object.");
    }
}
