using System.Collections.Immutable;
using System.Globalization;
using Kaito.Core;
using Kaito.InferenceHost.Generation;
using Kaito.OpenAI;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Kaito.InferenceHost.Http;

/// <summary>The error envelope that the OpenAI surface shares.</summary>
internal static class OpenAIResults
{
    public static JsonHttpResult<ErrorResponse> Error(int status, string type, string message, string? param = null) =>
        TypedResults.Json(
            new ErrorResponse(new(message, type, param, status)), OpenAIJson.Default.ErrorResponse, statusCode: status);

    /// <summary>The protocol carries one error; it gets the first, which is the one nearest the root.</summary>
    public static JsonHttpResult<ErrorResponse> Invalid(ImmutableArray<FieldError> errors) =>
        Error(StatusCodes.Status400BadRequest, ErrorTypes.BadRequest, errors[0].Message, errors[0].Path);

    public static JsonHttpResult<ErrorResponse> UnknownModel(string model, string served) => Error(
        StatusCodes.Status404NotFound,
        ErrorTypes.NotFound,
        $"The model `{model}` does not exist. This server serves `{served}`.",
        "model");

    /// <summary>The loaded model is of another kind than the route needs.</summary>
    /// <param name="api">What it does not do, such as <c>Embeddings API</c>.</param>
    public static JsonHttpResult<ErrorResponse> WrongKind(string api) => Error(
        StatusCodes.Status501NotImplemented, ErrorTypes.NotImplemented, $"The model does not support {api}");

    public static JsonHttpResult<ErrorResponse> Failed(string message) =>
        Error(StatusCodes.Status500InternalServerError, ErrorTypes.Internal, message);

    /// <summary>Saturated, loading or ending: 503, and when to try again.</summary>
    public static JsonHttpResult<ErrorResponse> Unavailable(HttpContext http, HostState state)
    {
        var (message, seconds) = state switch
        {
            HostState.Loading => ("The model is still loading; retry shortly.", 1),
            HostState.Ready => ("The queue is full; retry shortly.", 1),
            HostState.Recovering => ("The engine failed and is being rebuilt; retry shortly.", 5),
            HostState.Draining => ("The server is shutting down; retry on another replica.", 5),
            _ => ("The engine has stopped; the server is restarting.", 10),
        };
        http.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        return Error(StatusCodes.Status503ServiceUnavailable, ErrorTypes.Unavailable, message);
    }
}
