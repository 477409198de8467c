using System.Text.Json.Serialization;

namespace Kaito.OpenAI;

/// <summary>The envelope every OpenAI-compatible route answers errors with.</summary>
public sealed record ErrorResponse(ErrorBody Error);

/// <summary>One error, in the shape vLLM gives it.</summary>
/// <param name="Message">One sentence that says what is wrong and what would be right.</param>
/// <param name="Type">One of <see cref="ErrorTypes"/>.</param>
/// <param name="Param">The offending parameter, when one is.</param>
/// <param name="Code">The HTTP status.</param>
public sealed record ErrorBody(
    string Message,
    string Type,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Param,
    int Code);

/// <summary>Values of <see cref="ErrorBody.Type"/>.</summary>
public static class ErrorTypes
{
    /// <summary>400: the request is well formed and cannot be served.</summary>
    public const string BadRequest = "BadRequestError";

    /// <summary>400: not JSON, or a member of the wrong type.</summary>
    public const string Malformed = "Bad Request";

    /// <summary>404: no such model.</summary>
    public const string NotFound = "NotFoundError";

    /// <summary>501: the loaded model is of another kind than the route needs.</summary>
    public const string NotImplemented = "NotImplementedError";

    /// <summary>500: the engine failed.</summary>
    public const string Internal = "InternalServerError";

    /// <summary>503: loading, draining or saturated; the answer carries Retry-After.</summary>
    public const string Unavailable = "ServiceUnavailableError";
}
