using System.Globalization;
using Grpc.Core;

namespace Kaito.RagEngine.Store.Qdrant;

/// <summary>PURE: what a failed call means, and what to do about it. The key is in none of the words.</summary>
internal static class Faults
{
    /// <summary>Whether the same call may succeed a moment later; every call here may be made twice.</summary>
    public static bool Passing(RpcException failure) =>
        failure.StatusCode is StatusCode.Unavailable || Causes(failure).Any(static cause => cause is HttpProtocolException);

    public static StoreException Word(RpcException failure, Uri address)
    {
        var detail = failure.Status.Detail;
        var (said, unavailable) = failure.StatusCode switch
        {
            StatusCode.Unavailable => Unreachable(failure, address),
            StatusCode.Internal when failure.Status.DebugException is not null => Unreachable(failure, address),
            StatusCode.DeadlineExceeded or StatusCode.Cancelled => (
                $"Qdrant at {address} did not answer in time; try again, or raise VECTOR_DB_TIMEOUT_SECONDS.", true),
            StatusCode.Unauthenticated => (
                $"Qdrant at {address} asks for a key or does not know this one; set VECTOR_DB_ACCESS_SECRET.", false),
            StatusCode.PermissionDenied => (
                $"Qdrant at {address} does not let this key do it; set VECTOR_DB_ACCESS_SECRET to one that may write "
                + $"all collections. ({detail})", false),
            StatusCode.Unimplemented => (
                $"{address} does not serve Qdrant's gRPC methods; give the gRPC port (6334, not 6333) of Qdrant "
                + "1.13 or later in VECTOR_DB_URL.", false),
            StatusCode.ResourceExhausted => ($"Qdrant at {address} takes no more now: {detail}", !Full(failure)),
            _ => (string.Create(CultureInfo.InvariantCulture, $"Qdrant at {address}: {detail} ({failure.StatusCode})"), false),
        };
        return new(Full(failure) ? $"Qdrant has no room: {detail} Make room and send it again." : said, failure)
        {
            Unavailable = unavailable,
            Full = Full(failure),
        };
    }

    private static bool Full(RpcException failure) =>
        failure.StatusCode is StatusCode.ResourceExhausted or StatusCode.Internal
        && (failure.Status.Detail.Contains("No space left", StringComparison.OrdinalIgnoreCase)
            || failure.Status.Detail.Contains("Insufficient storage", StringComparison.OrdinalIgnoreCase));

    private static (string Said, bool Unavailable) Unreachable(RpcException failure, Uri address) => Reason(failure) switch
    {
        HttpRequestError.SecureConnectionError => (
            $"TLS with Qdrant at {address} failed; use http:// if it serves no TLS, or name its certificate in "
            + "VECTOR_DB_CERTIFICATE_SHA256.", true),
        HttpRequestError.VersionNegotiationError or HttpRequestError.HttpProtocolError => (
            $"{address} does not speak gRPC; give the gRPC port of Qdrant (6334, not 6333) in VECTOR_DB_URL.", true),
        _ => (
            $"Qdrant at {address} cannot be reached ({Innermost(failure)}); start it, or correct VECTOR_DB_URL: the gRPC "
            + "port, usually 6334.", true),
    };

    private static HttpRequestError? Reason(RpcException failure)
    {
        foreach (var cause in Causes(failure))
        {
            switch (cause)
            {
                case System.Net.Sockets.SocketException:
                    return null;
                case HttpRequestException { HttpRequestError: not HttpRequestError.Unknown } request:
                    return request.HttpRequestError;
                case HttpIOException io:
                    return io.HttpRequestError is HttpRequestError.ResponseEnded ? null : io.HttpRequestError;
            }
        }

        return null;
    }

    private static string Innermost(RpcException failure) =>
        (Causes(failure).LastOrDefault()?.Message ?? failure.Status.Detail).TrimEnd('.');

    private static IEnumerable<Exception> Causes(RpcException failure)
    {
        for (var cause = failure.Status.DebugException; cause is not null; cause = cause.InnerException)
        {
            yield return cause;
        }
    }
}

/// <summary>The collection that was named is not there any more.</summary>
internal sealed class CollectionGoneException(RpcException failure) : Exception(failure.Status.Detail, failure);
