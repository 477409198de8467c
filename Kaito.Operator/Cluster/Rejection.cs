using System.Collections.Immutable;
using Kaito.Core;

namespace Kaito.Operator.Cluster;

/// <summary>PURE: what people read of an object that failed its checks.</summary>
internal static class Rejection
{
    // Kubernetes wants the message of an event under 1 KiB.
    private const int EventLength = 1000;

    /// <summary>Every error with its path, in the order they were found.</summary>
    public static string Message(ImmutableArray<FieldError> errors) => string.Join(
        "; ", errors.Select(static e => e.Path.Length == 0 ? e.Message : $"{e.Path}: {e.Message}"));

    public static Occurrence Event(string reason, string message) =>
        new(true, reason, message.Length > EventLength ? message[..EventLength] : message);
}
