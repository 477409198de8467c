using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Kaito.Tests.RagEngine.Store.Qdrants;

/// <summary>What goes wrong with a call.</summary>
internal enum Trouble
{
    None,

    /// <summary>The stream is reset before the call has its effect.</summary>
    CutBefore,

    /// <summary>The connection breaks after it: the process is gone.</summary>
    CutAfter,

    /// <summary>Status 14, without effect.</summary>
    Away,

    /// <summary>No answer until the client gives up.</summary>
    Silence,

    /// <summary>Status 8: the disk is full.</summary>
    Full,
}

/// <summary>
/// A server of the calls that Kaito.RagEngine makes, by the facts of Qdrant's wire format: HTTP/2 without gRPC library, so
/// that what the client gets wrong shows.
/// </summary>
internal sealed class QdrantServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private int _calls;

    private QdrantServer(WebApplication app, QdrantState state) => (_app, State) = (app, state);

    /// <summary>Lives on when the server does not.</summary>
    public QdrantState State { get; }

    public Uri Address { get; private set; } = null!;

    /// <summary>Keys that may call; empty to ask for none.</summary>
    public string? ApiKey { get; init; }

    /// <summary>Decides by method and number of the call, from 1.</summary>
    public Func<string, int, Trouble>? Interfere { get; set; }

    /// <summary>Runs before a call, by its method.</summary>
    public Func<string, Task>? Before { get; set; }

    /// <summary>Calls so far.</summary>
    public int Calls => _calls;

    /// <summary>The last call's <c>grpc-timeout</c>.</summary>
    public string? Timeout { get; private set; }

    /// <summary>Largest request so far, in bytes.</summary>
    public int Largest { get; private set; }

    public static async Task<QdrantServer> StartAsync(
        QdrantState? state = null,
        string? apiKey = null,
        X509Certificate2? certificate = null,
        HttpProtocols protocols = HttpProtocols.Http2,
        int port = 0)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Listen(IPAddress.Loopback, port, listen =>
            {
                listen.Protocols = protocols;
                if (certificate is not null)
                {
                    listen.UseHttps(certificate);
                }
            });
        });
        var app = builder.Build();
        var server = new QdrantServer(app, state ?? new()) { ApiKey = apiKey };
        app.Run(server.HandleAsync);
        await app.StartAsync(TestContext.Current.CancellationToken);
        server.Address = new(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }

    private async Task HandleAsync(HttpContext http)
    {
        if (http.Request.Protocol != HttpProtocol.Http2 || http.Request.ContentType != "application/grpc"
            || http.Request.Headers.TE != "trailers")
        {
            http.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        var method = http.Request.Path.Value!;
        var trouble = Interfere?.Invoke(method, Interlocked.Increment(ref _calls)) ?? Trouble.None;
        Timeout = http.Request.Headers["grpc-timeout"];
        http.Response.ContentType = "application/grpc";
        try
        {
            if (trouble == Trouble.CutBefore)
            {
                http.Abort();
                return;
            }

            await SpoilAsync(trouble, http.RequestAborted);
            await (Before?.Invoke(method) ?? Task.CompletedTask);
            Authorize(method, http.Request.Headers);
            var answer = State.Answer(method, await ReadAsync(http));
            if (trouble == Trouble.CutAfter)
            {
                http.Features.GetRequiredFeature<IConnectionLifetimeFeature>().Abort();
                return;
            }

            await WriteAsync(http, answer);
        }
        catch (CallFailure failure)
        {
            // Headers only, as Qdrant's library answers failed calls.
            http.Response.Headers["grpc-status"] = failure.Code.ToString(CultureInfo.InvariantCulture);
            http.Response.Headers["grpc-message"] = Uri.EscapeDataString(failure.Message);
        }
    }

    private static async Task SpoilAsync(Trouble trouble, CancellationToken cancellationToken)
    {
        switch (trouble)
        {
            case Trouble.Away:
                throw new CallFailure(14, "Shard temporarily unavailable: not now");
            case Trouble.Full:
                throw new CallFailure(8, "Insufficient storage: disk quota");
            case Trouble.Silence:
                await Task.Delay(System.Threading.Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
                break;
        }
    }

    private void Authorize(string method, IHeaderDictionary headers)
    {
        if (ApiKey is null || method == "/qdrant.Qdrant/HealthCheck")
        {
            return;
        }

        var shown = headers["api-key"].FirstOrDefault()
            ?? throw new CallFailure(16, "Must provide an API key or an Authorization bearer token");
        if (shown != ApiKey)
        {
            throw new CallFailure(16, "Invalid API key or JWT");
        }
    }

    private async Task<byte[]> ReadAsync(HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        var bytes = body.ToArray();
        if (bytes.Length < 5 || bytes[0] != 0 || BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(1)) != bytes.Length - 5)
        {
            throw new CallFailure(13, "Missing request message.");
        }

        Largest = Math.Max(Largest, bytes.Length);
        return bytes[5..];
    }

    private static async Task WriteAsync(HttpContext http, IMessage answer)
    {
        var bytes = answer.ToByteArray();
        var prefix = new byte[5];
        BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), bytes.Length);
        await http.Response.Body.WriteAsync(prefix, http.RequestAborted);
        await http.Response.Body.WriteAsync(bytes, http.RequestAborted);
        http.Features.GetRequiredFeature<IHttpResponseTrailersFeature>().Trailers["grpc-status"] = "0";
    }
}

/// <summary>A call ends with a status other than success.</summary>
internal sealed class CallFailure(int code, string message) : Exception(message)
{
    public int Code { get; } = code;
}
