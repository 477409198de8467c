using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Grpc.Core;

namespace Qdrant.Client.Transport;

/// <summary>PURE: what HTTP says, in gRPC's words.</summary>
internal static class TransportStatus
{
    /// <summary>The status in headers or trailers; <see langword="null"/> when there is none.</summary>
    public static Status? Read(HttpResponseHeaders headers)
    {
        if (!headers.TryGetValues("grpc-status", out var codes))
        {
            return null;
        }

        var detail = headers.TryGetValues("grpc-message", out var texts) ? Uri.UnescapeDataString(texts.First()) : "";
        return int.TryParse(codes.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var code)
            && code <= (int)StatusCode.Unauthenticated
            ? new((StatusCode)code, detail)
            : new(StatusCode.Unknown, $"The server answered with status {codes.First()}. {detail}".TrimEnd());
    }

    /// <summary>An answer that is not gRPC's; <see langword="null"/> when it may be.</summary>
    public static Status? Refuse(HttpResponseMessage response)
    {
        if (response.StatusCode != HttpStatusCode.OK)
        {
            return new(
                Of(response.StatusCode),
                $"Bad gRPC response. HTTP status code: {((int)response.StatusCode).ToString(CultureInfo.InvariantCulture)}");
        }

        var type = response.Content.Headers.ContentType?.MediaType ?? "none";
        return type is "application/grpc" or "application/grpc+proto"
            ? null
            : new(StatusCode.Cancelled, $"Bad gRPC response. Invalid content-type value: {type}");
    }

    /// <summary>A failure of the transport.</summary>
    public static Status Of(Exception failure)
    {
        var code = StatusCode.Internal;
        for (var cause = failure; cause is not null; cause = cause.InnerException)
        {
            if (cause is HttpProtocolException protocol)
            {
                code = Of(protocol.ErrorCode);
                break;
            }

            if (cause is System.Net.Sockets.SocketException or IOException)
            {
                code = StatusCode.Unavailable;
            }
        }

        return new(code, $"Error starting gRPC call. {Chain(failure)}", failure);
    }

    private static StatusCode Of(HttpStatusCode status) => (int)status switch
    {
        400 or 431 => StatusCode.Internal,
        401 => StatusCode.Unauthenticated,
        403 => StatusCode.PermissionDenied,
        404 => StatusCode.Unimplemented,
        429 or 502 or 503 or 504 => StatusCode.Unavailable,
        _ => StatusCode.Unknown,
    };

    // HTTP/2's error codes, RFC 9113 section 7.
    private static StatusCode Of(long http2) => http2 switch
    {
        0x7 => StatusCode.Unavailable,
        0x8 => StatusCode.Cancelled,
        0xb => StatusCode.ResourceExhausted,
        0xc => StatusCode.PermissionDenied,
        _ => StatusCode.Internal,
    };

    private static string Chain(Exception failure)
    {
        var texts = new List<string>();
        for (var cause = failure; cause is not null; cause = cause.InnerException)
        {
            texts.Add($"{cause.GetType().Name}: {cause.Message}");
        }

        return string.Join(" ", texts);
    }
}
