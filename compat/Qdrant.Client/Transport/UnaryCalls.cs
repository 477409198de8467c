using System.Globalization;
using System.Net;
using Google.Protobuf;
using Grpc.Core;

namespace Qdrant.Client.Transport;

/// <summary>gRPC's unary calls over HTTP/2. Thread-safe.</summary>
internal sealed class UnaryCalls : IDisposable
{
    private const int MostBytes = 64 << 20;

    private readonly HttpMessageInvoker _http;
    private readonly Uri _address;
    private readonly string? _apiKey;

    public UnaryCalls(Uri address, ClientConfiguration configuration)
    {
        (_address, _apiKey) = (address, configuration.ApiKey);
        _http = new(Handler(configuration.CertificateThumbprint));
    }

    /// <param name="path"><c>/package.Service/Method</c>.</param>
    /// <param name="request">Sent in one frame.</param>
    /// <param name="parser">Of the answer.</param>
    /// <param name="timeout">Ends the call here and tells the server; zero for none.</param>
    /// <param name="cancellationToken">Ends the call here.</param>
    /// <exception cref="RpcException">Anything else than success.</exception>
    public async Task<TResponse> CallAsync<TResponse>(
        string path, IMessage request, MessageParser<TResponse> parser, TimeSpan timeout, CancellationToken cancellationToken)
        where TResponse : IMessage<TResponse>
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (timeout > TimeSpan.Zero)
        {
            deadline.CancelAfter(timeout);
        }

        try
        {
            using var message = Request(path, request, timeout);
            using var response = await _http.SendAsync(message, deadline.Token);
            return parser.ParseFrom(await ReadAsync(response, deadline.Token));
        }
        catch (OperationCanceledException ended)
        {
            throw new RpcException(cancellationToken.IsCancellationRequested
                ? new(StatusCode.Cancelled, "Call canceled by the client.", ended)
                : new(StatusCode.DeadlineExceeded, "", ended));
        }
        catch (InvalidProtocolBufferException garbled)
        {
            throw new RpcException(new(StatusCode.Internal, "The answer is no such message.", garbled));
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException)
        {
            throw new RpcException(TransportStatus.Of(failure));
        }
    }

    public void Dispose() => _http.Dispose();

    // One to eight digits and a unit.
    private static string Header(TimeSpan timeout)
    {
        var milliseconds = Math.Max(1, (long)Math.Ceiling(timeout.TotalMilliseconds));
        return milliseconds <= 99_999_999
            ? milliseconds.ToString(CultureInfo.InvariantCulture) + "m"
            : Math.Min(99_999_999, milliseconds / 1000).ToString(CultureInfo.InvariantCulture) + "S";
    }

    private static SocketsHttpHandler Handler(string? thumbprint)
    {
        var handler = new SocketsHttpHandler
        {
            // HTTP/2 in the clear does not pass proxies, and no cookie or redirect belongs to gRPC.
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            EnableMultipleHttp2Connections = true,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionLifetime = TimeSpan.FromMinutes(10),
            KeepAlivePingDelay = TimeSpan.FromSeconds(60),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(20),
        };
        if (thumbprint is not null)
        {
            handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, chain, _) =>
                CertificateValidation.Matches(
                    thumbprint, certificate as System.Security.Cryptography.X509Certificates.X509Certificate2, chain);
        }

        return handler;
    }

    private HttpRequestMessage Request(string path, IMessage request, TimeSpan timeout)
    {
        var message = new HttpRequestMessage(HttpMethod.Post, new Uri(_address, path))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(Frames.Write(request)),
        };
        message.Content.Headers.ContentType = new("application/grpc");
        message.Headers.TryAddWithoutValidation("te", "trailers");
        if (timeout > TimeSpan.Zero)
        {
            message.Headers.TryAddWithoutValidation("grpc-timeout", Header(timeout));
        }

        if (_apiKey is not null)
        {
            message.Headers.TryAddWithoutValidation("api-key", _apiKey);
        }

        return message;
    }

    private static async Task<byte[]> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        // A failed call may have headers only, and they say everything.
        if (TransportStatus.Read(response.Headers) is { } early)
        {
            throw new RpcException(early.StatusCode == StatusCode.OK
                ? new(StatusCode.Internal, "Failed to deserialize response message.")
                : early);
        }

        if (TransportStatus.Refuse(response) is { } refused)
        {
            throw new RpcException(refused);
        }

        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        var answer = await Frames.ReadAsync(body, MostBytes, cancellationToken);
        var status = TransportStatus.Read(response.TrailingHeaders)
            ?? new(StatusCode.Cancelled, "No grpc-status found on response.");
        return status.StatusCode != StatusCode.OK
            ? throw new RpcException(status)
            : answer ?? throw new RpcException(new(StatusCode.Internal, "Failed to deserialize response message."));
    }
}
