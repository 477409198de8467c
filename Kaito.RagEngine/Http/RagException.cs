namespace Kaito.RagEngine.Http;

/// <summary>An answer other than success, thrown where it is found; the text is for the client.</summary>
internal sealed class RagException(int status, string detail, Exception? inner = null) : Exception(detail, inner)
{
    public int Status { get; } = status;

    /// <summary>Seconds after which trying again may help.</summary>
    public int? RetryAfter { get; init; }

    public static RagException NoIndex(string name) =>
        new(StatusCodes.Status404NotFound, $"No such index: '{name}' exists.");

    public static RagException Invalid(string detail) => new(StatusCodes.Status400BadRequest, detail);
}
