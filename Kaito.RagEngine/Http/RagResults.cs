using System.Text.Encodings.Web;
using System.Text.Json;

namespace Kaito.RagEngine.Http;

/// <summary>Answers as upstream writes them: compact, nulls written out, nothing escaped that need not be.</summary>
internal static class RagResults
{
    public static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static IResult Json(Action<Utf8JsonWriter> write) => new JsonAnswer(write);

    public static IResult Message(string message) => Json(json =>
    {
        json.WriteStartObject();
        json.WriteString("message", message);
        json.WriteEndObject();
    });

    private sealed class JsonAnswer(Action<Utf8JsonWriter> write) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.ContentType = "application/json";
            await using var json = new Utf8JsonWriter(httpContext.Response.BodyWriter, Plain);
            write(json);
            await json.FlushAsync(httpContext.RequestAborted);
        }
    }
}
