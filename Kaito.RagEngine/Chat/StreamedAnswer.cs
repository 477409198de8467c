using System.Buffers;
using System.Text.Json;
using Kaito.RagEngine.Guardrails;
using Kaito.RagEngine.Http;

namespace Kaito.RagEngine.Chat;

/// <summary>Relays the model's events as the guard releases them, each at once.</summary>
/// <param name="answer">Has begun; disposed at the end.</param>
/// <param name="guard">Releases.</param>
/// <param name="prompt">For the guard.</param>
/// <param name="head">An event of this service before the model's, or nothing.</param>
internal sealed partial class StreamedAnswer(ModelAnswer answer, IAnswerGuard guard, string prompt, byte[] head) : IResult
{
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        using var whole = answer;
        var response = httpContext.Response;
        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no";
        if (head.Length > 0)
        {
            await response.BodyWriter.WriteAsync(head, answer.Token);
        }

        var logger = httpContext.RequestServices.GetRequiredService<ILogger<StreamedAnswer>>();
        try
        {
            await foreach (var piece in guard.ReleaseAsync(answer.StreamAsync(answer.Token), prompt, answer.Token))
            {
                await response.BodyWriter.WriteAsync(piece, answer.Token);
            }
        }
        catch (Exception failure) when (!httpContext.RequestAborted.IsCancellationRequested
            && failure is IOException or HttpRequestException or OperationCanceledException or RagException)
        {
            // The status has gone out: an error event is all that can still be said.
            LogBroken(logger, failure.Message);
            await response.BodyWriter.WriteAsync(Error(failure), httpContext.RequestAborted);
        }
    }

    private static ReadOnlyMemory<byte> Error(Exception failure)
    {
        var buffer = new ArrayBufferWriter<byte>();
        buffer.Write("data: "u8);
        using (var json = new Utf8JsonWriter(buffer, RagResults.Plain))
        {
            json.WriteStartObject();
            json.WriteStartObject("error");
            json.WriteString("message", failure is RagException known ? known.Message : "The model's stream broke off.");
            json.WriteString("type", "api_error");
            json.WriteEndObject();
            json.WriteEndObject();
        }

        buffer.Write("\n\n"u8);
        return buffer.WrittenMemory;
    }

    [LoggerMessage(LogLevel.Warning, "A streamed answer broke off: {Reason}")]
    private static partial void LogBroken(ILogger logger, string reason);
}
