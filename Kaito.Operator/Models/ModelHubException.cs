namespace Kaito.Operator.Models;

/// <summary>A repository cannot be read, or not be served; the message says why and what to do.</summary>
internal sealed class ModelHubException(string reason, string message) : Exception(message)
{
    /// <summary>One word for programs, e.g. <c>ModelNotFound</c>.</summary>
    public string Reason { get; } = reason;

    /// <summary>How long the hub asks to wait; null where it does not.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
