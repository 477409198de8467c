using Kaito.OpenAI;
using Microsoft.AspNetCore.Diagnostics;

namespace Kaito.InferenceHost.Http;

/// <summary>Last line of defence: no response on the OpenAI surface leaves without its error envelope.</summary>
internal sealed partial class OpenAIExceptionHandler(ILogger<OpenAIExceptionHandler> logger) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(
        HttpContext http, Exception exception, CancellationToken cancellationToken)
    {
        if (http.RequestAborted.IsCancellationRequested && exception is OperationCanceledException or IOException)
        {
            return true;
        }

        var result = exception switch
        {
            MalformedBodyException bad => OpenAIResults.Error(400, ErrorTypes.Malformed, bad.Message, bad.Param),
            BadHttpRequestException bad => OpenAIResults.Error(bad.StatusCode, ErrorTypes.Malformed, Describe(bad)),
            _ => OpenAIResults.Failed("The server failed to answer this request."),
        };
        if (result.StatusCode >= StatusCodes.Status500InternalServerError)
        {
            LogUnhandled(exception, http.Request.Path);
        }

        await result.ExecuteAsync(http);
        return true;
    }

    // The server's own message says what it allows and leaves out what to do.
    private static string Describe(BadHttpRequestException bad) =>
        bad.StatusCode == StatusCodes.Status413PayloadTooLarge
            ? $"{bad.Message} Send a shorter request."
            : bad.Message;

    [LoggerMessage(LogLevel.Error, "Unhandled failure on {Path}")]
    private partial void LogUnhandled(Exception exception, string path);
}
