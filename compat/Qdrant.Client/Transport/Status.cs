namespace Grpc.Core;

/// <summary>How a call ended, by gRPC's numbers.</summary>
public enum StatusCode
{
    /// <summary>Success.</summary>
    OK = 0,

    /// <summary>The caller gave up.</summary>
    Cancelled = 1,

    /// <summary>None of the others.</summary>
    Unknown = 2,

    /// <summary>The request is wrong, whatever the state of the server.</summary>
    InvalidArgument = 3,

    /// <summary>Out of time; the call may have had its effect.</summary>
    DeadlineExceeded = 4,

    /// <summary>What was named is not there.</summary>
    NotFound = 5,

    /// <summary>What was to be made is there.</summary>
    AlreadyExists = 6,

    /// <summary>The caller is known and may not do this.</summary>
    PermissionDenied = 7,

    /// <summary>A quota, a limit or the disk is used up.</summary>
    ResourceExhausted = 8,

    /// <summary>The server is in the wrong state for this.</summary>
    FailedPrecondition = 9,

    /// <summary>Given up because of another call.</summary>
    Aborted = 10,

    /// <summary>Past the end of what is there.</summary>
    OutOfRange = 11,

    /// <summary>The server does not know the method.</summary>
    Unimplemented = 12,

    /// <summary>The server or the transport broke.</summary>
    Internal = 13,

    /// <summary>The server cannot be reached now; trying again may help.</summary>
    Unavailable = 14,

    /// <summary>Something is lost or damaged.</summary>
    DataLoss = 15,

    /// <summary>The caller did not show who it is.</summary>
    Unauthenticated = 16,
}

/// <summary>How a call ended, with the server's or the transport's words.</summary>
/// <param name="statusCode">The number.</param>
/// <param name="detail">For people.</param>
/// <param name="debugException">What the transport threw, if it did.</param>
public readonly struct Status(StatusCode statusCode, string detail, Exception? debugException = null)
{
    /// <summary>The number.</summary>
    public StatusCode StatusCode { get; } = statusCode;

    /// <summary>For people; may be empty.</summary>
    public string Detail { get; } = detail;

    /// <summary>What the transport threw; <see langword="null"/> when the server itself answered.</summary>
    public Exception? DebugException { get; } = debugException;

    /// <summary>As <c>Status(StatusCode="NotFound", Detail="…")</c>.</summary>
    public override string ToString() => DebugException is null
        ? $"Status(StatusCode=\"{StatusCode}\", Detail=\"{Detail}\")"
        : $"Status(StatusCode=\"{StatusCode}\", Detail=\"{Detail}\", "
            + $"DebugException=\"{DebugException.GetType()}: {DebugException.Message}\")";
}

/// <summary>A call that did not succeed, for whatever reason.</summary>
/// <param name="status">How it ended.</param>
/// <param name="message">For people.</param>
public class RpcException(Status status, string message) : Exception(message, status.DebugException)
{
    /// <summary>Words the message from the status.</summary>
    /// <param name="status">How the call ended.</param>
    public RpcException(Status status)
        : this(status, status.ToString())
    {
    }

    /// <summary>How the call ended.</summary>
    public Status Status { get; } = status;

    /// <summary>The number of <see cref="Status"/>.</summary>
    public StatusCode StatusCode => Status.StatusCode;
}
