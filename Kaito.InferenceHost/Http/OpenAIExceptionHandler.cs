using System.Text.Json;
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
            JsonException json => OpenAIResults.Error(400, ErrorTypes.Malformed, Describe(json), Dotted(json.Path)),
            BadHttpRequestException bad => OpenAIResults.Error(bad.StatusCode, ErrorTypes.Malformed, bad.Message),
            _ => OpenAIResults.Failed("The server failed to answer this request."),
        };
        if (result.StatusCode >= StatusCodes.Status500InternalServerError)
        {
            LogUnhandled(exception, http.Request.Path);
        }

        await result.ExecuteAsync(http);
        return true;
    }

    private static string Describe(JsonException json) =>
        $"1 validation error:\n  {Dotted(json.Path)}: {FirstSentence(json)}";

    // The rest of the message repeats the path and names .NET types.
    private static string FirstSentence(JsonException json)
    {
        if (json.Message.StartsWith("The JSON value could not be converted", StringComparison.Ordinal))
        {
            return $"the value has the wrong type (line {json.LineNumber + 1}, byte {json.BytePositionInLine}).";
        }

        var end = json.Message.IndexOf(" Path: ", StringComparison.Ordinal);
        var text = end < 0 ? json.Message : json.Message[..end];
        return $"{text} (line {json.LineNumber + 1}, byte {json.BytePositionInLine})";
    }

    // $.messages[0].content becomes body.messages.0.content, as the protocol's other servers say it.
    private static string Dotted(string? path) =>
        "body" + (path ?? "$").TrimStart('$').Replace("[", ".", StringComparison.Ordinal)
            .Replace("]", "", StringComparison.Ordinal).Replace("'", "", StringComparison.Ordinal);

    [LoggerMessage(LogLevel.Error, "Unhandled failure on {Path}")]
    private partial void LogUnhandled(Exception exception, string path);
}
