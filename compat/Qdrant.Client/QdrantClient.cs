using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qdrant.Client.Grpc;
using Qdrant.Client.Transport;

namespace Qdrant.Client;

/// <summary>
/// Calls a Qdrant server. Every method throws <see cref="RpcException"/> when the call does not succeed, also when it is
/// cancelled (<see cref="StatusCode.Cancelled"/>) or out of time. Nothing is tried again. Thread-safe.
/// </summary>
public partial class QdrantClient : IDisposable
{
    private readonly UnaryCalls _calls;
    private readonly QdrantChannel? _owned;
    private readonly TimeSpan _timeout;
    private readonly ILogger _logger;

    /// <summary>Connects when first needed.</summary>
    /// <param name="host">Name or address.</param>
    /// <param name="port">Of gRPC, not of REST.</param>
    /// <param name="https">TLS, or in the clear.</param>
    /// <param name="apiKey"><see langword="null"/> to send none.</param>
    /// <param name="grpcTimeout">Bound of each call; zero for none.</param>
    /// <param name="loggerFactory">Told of failed calls, under the category <c>Qdrant.Client</c>.</param>
    public QdrantClient(
        string host,
        int port = 6334,
        bool https = false,
        string? apiKey = null,
        TimeSpan grpcTimeout = default,
        ILoggerFactory? loggerFactory = null)
        : this(new UriBuilder(https ? "https" : "http", host, port).Uri, apiKey, grpcTimeout, loggerFactory)
    {
    }

    /// <summary>Connects when first needed.</summary>
    /// <param name="address">With the gRPC port: the scheme's own port is not Qdrant's.</param>
    /// <param name="apiKey"><see langword="null"/> to send none.</param>
    /// <param name="grpcTimeout">Bound of each call; zero for none.</param>
    /// <param name="loggerFactory">Told of failed calls, under the category <c>Qdrant.Client</c>.</param>
    public QdrantClient(
        Uri address, string? apiKey = null, TimeSpan grpcTimeout = default, ILoggerFactory? loggerFactory = null)
        : this(QdrantChannel.ForAddress(address, new() { ApiKey = apiKey }), grpcTimeout, loggerFactory)
    {
    }

    /// <summary>Uses a channel that somebody else disposes of.</summary>
    /// <param name="grpcClient">The services.</param>
    /// <param name="grpcTimeout">Bound of each call; zero for none.</param>
    /// <param name="loggerFactory">Told of failed calls, under the category <c>Qdrant.Client</c>.</param>
    public QdrantClient(
        QdrantGrpcClient grpcClient, TimeSpan grpcTimeout = default, ILoggerFactory? loggerFactory = null)
    {
        ArgumentNullException.ThrowIfNull(grpcClient);
        (_calls, _timeout) = (grpcClient.Calls, grpcTimeout);
        _logger = loggerFactory?.CreateLogger("Qdrant.Client") ?? (ILogger)NullLogger.Instance;
    }

    private QdrantClient(QdrantChannel channel, TimeSpan grpcTimeout, ILoggerFactory? loggerFactory)
        : this(new QdrantGrpcClient(channel), grpcTimeout, loggerFactory) => _owned = channel;

    /// <summary>Closes the connections, unless they are somebody else's.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Title and version of the server; needs no key.</summary>
    public Task<HealthCheckReply> HealthAsync(CancellationToken cancellationToken = default) =>
        CallAsync("Qdrant/HealthCheck", new HealthCheckRequest(), HealthCheckReply.Parser, cancellationToken);

    /// <summary>Closes the connections, unless they are somebody else's.</summary>
    /// <param name="disposing">False from a finalizer.</param>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
        {
            _owned?.Dispose();
        }
    }

    private async Task<TResponse> CallAsync<TResponse>(
        string method, IMessage request, MessageParser<TResponse> parser, CancellationToken cancellationToken)
        where TResponse : IMessage<TResponse>
    {
        try
        {
            return await _calls.CallAsync($"/qdrant.{method}", request, parser, _timeout, cancellationToken);
        }
        catch (RpcException failure)
        {
            LogFailed(failure, method);
            throw;
        }
    }

    [LoggerMessage(LogLevel.Error, "Call of {Method} failed")]
    private partial void LogFailed(Exception failure, string method);
}
