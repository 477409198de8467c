namespace Kaito.DevCluster.Api;

/// <summary>What <c>kubectl logs</c> asked for.</summary>
/// <param name="Namespace">Of the pod.</param>
/// <param name="Pod">Name of the pod.</param>
/// <param name="Container">Null: the pod's only container.</param>
/// <param name="Follow">Keep sending new lines until the container ends.</param>
/// <param name="Previous">The instance before the last restart.</param>
/// <param name="TailLines">Only the last lines; null is all of them.</param>
/// <param name="Timestamps">Put the RFC 3339 time before each line.</param>
/// <param name="Since">Only lines at or after this instant.</param>
/// <param name="LimitBytes">Stop after this many bytes.</param>
internal sealed record PodLogRequest(
    string Namespace,
    string Pod,
    string? Container,
    bool Follow,
    bool Previous,
    int? TailLines,
    bool Timestamps,
    DateTimeOffset? Since,
    long? LimitBytes);

/// <summary>Where the output of containers is kept; the process runner implements it.</summary>
internal interface IPodLogs
{
    /// <summary>
    /// UTF-8 chunks of the log, in order. Throws <see cref="Storage.ApiStatusException"/> before the first chunk when
    /// there is no such container or it has not started.
    /// </summary>
    IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAsync(PodLogRequest request, CancellationToken cancellationToken);
}
