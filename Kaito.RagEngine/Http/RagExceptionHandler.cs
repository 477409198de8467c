using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Diagnostics;

namespace Kaito.RagEngine.Http;

/// <summary>Every error of these routes is <c>{"detail": …}</c>, as upstream's clients expect.</summary>
internal sealed partial class RagExceptionHandler(ILogger<RagExceptionHandler> logger) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(
        HttpContext http, Exception exception, CancellationToken cancellationToken)
    {
        if (http.RequestAborted.IsCancellationRequested && exception is OperationCanceledException or IOException)
        {
            return true;
        }

        if (exception is BodyException wrong)
        {
            await wrong.Answer.ExecuteAsync(http);
            return true;
        }

        var (status, detail) = exception switch
        {
            RagException known => (known.Status, known.Message),
            BadHttpRequestException bad => (bad.StatusCode, bad.Message),
            _ => (StatusCodes.Status500InternalServerError, "The server failed to answer this request."),
        };
        if (exception is RagException { RetryAfter: { } seconds })
        {
            http.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        }

        if (exception is not (RagException or BadHttpRequestException))
        {
            LogUnhandled(exception, http.Request.Path);
        }

        await Detail(status, detail).ExecuteAsync(http);
        return true;
    }

    public static IResult Detail(int status, string detail) =>
        TypedResults.Json(new(detail), DetailJson.Plain.ErrorDetail, statusCode: status);

    [LoggerMessage(LogLevel.Error, "Unhandled failure on {Path}")]
    private partial void LogUnhandled(Exception exception, string path);
}

internal sealed record ErrorDetail(string Detail);

[JsonSerializable(typeof(ErrorDetail))]
internal sealed partial class DetailJson : JsonSerializerContext
{
    /// <summary>As upstream writes JSON: nothing escaped that need not be.</summary>
    public static DetailJson Plain { get; } =
        new(new()
        {
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        });
}
