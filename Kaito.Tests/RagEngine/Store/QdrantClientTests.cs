using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Qdrant.Client;
using Qdrant.Client.Grpc;

namespace Kaito.Tests.RagEngine.Store;

/// <summary>The client on the wire: what it sends, and what it makes of answers.</summary>
public sealed class QdrantClientTests : IAsyncLifetime
{
    private WebApplication _app = null!;
    private QdrantClient _client = null!;
    private int _port;
    private Func<HttpContext, Task> _answer = static _ => Task.CompletedTask;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(static kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, static listen => listen.Protocols = HttpProtocols.Http2));
        _app = builder.Build();
        _app.Run(http =>
        {
            http.Response.ContentType = "application/grpc";
            return _answer(http);
        });
        await _app.StartAsync(Cancelled);
        var address = _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        _port = new Uri(address).Port;
        _client = new("127.0.0.1", _port, apiKey: "key");
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _app.DisposeAsync();
    }

    [Fact]
    public async Task Call_Request_IsOneFrameWithTheHeadersOfGrpc()
    {
        var (body, seen) = (new MemoryStream(), new Dictionary<string, string>());
        _answer = async http =>
        {
            await http.Request.Body.CopyToAsync(body, Cancelled);
            foreach (var (name, value) in http.Request.Headers)
            {
                seen[name] = value.ToString();
            }

            seen["path"] = http.Request.Path;
            await AnswerAsync(http, new HealthCheckReply { Version = "1.19.0" });
        };

        Assert.Equal("1.19.0", (await _client.HealthAsync(Cancelled)).Version);
        Assert.Equal(new byte[5], body.ToArray());
        Assert.Equal("/qdrant.Qdrant/HealthCheck", seen["path"]);
        Assert.Equal(("application/grpc", "trailers", "key"), (seen["Content-Type"], seen["TE"], seen["api-key"]));
        Assert.DoesNotContain("grpc-timeout", seen.Keys);
        Assert.DoesNotContain("grpc-accept-encoding", seen.Keys);
    }

    [Fact]
    public async Task Create_Collection_SendsTheServersDefaultsExplicitly()
    {
        CreateCollection? sent = null;
        _answer = async http =>
        {
            sent = CreateCollection.Parser.ParseFrom((await ReadAsync(http))[5..]);
            await AnswerAsync(http, new CollectionOperationResponse { Result = false });
        };
        var vectors = new VectorParamsMap { Map = { ["dense"] = new() { Size = 4, Distance = Distance.Dot } } };

        await Assert.ThrowsAsync<QdrantException>(() => _client.CreateCollectionAsync("c", vectors, cancellationToken: Cancelled));

        Assert.Equal((1u, 1u, 1u), (sent!.ShardNumber, sent.ReplicationFactor, sent.WriteConsistencyFactor));
        Assert.True(sent.HasOnDiskPayload);
        Assert.False(sent.OnDiskPayload);
        Assert.False(sent.HasTimeout);
    }

    [Fact]
    public void Values_OnTheWire_HaveTheirNumbers()
    {
        // A null is 08 00, and an integer of -1 is a plain varint: not google.protobuf.Value, and no zigzag.
        Assert.Equal("0800", Hex(new Value { NullValue = NullValue.NullValue }));
        Assert.Equal("18FFFFFFFFFFFFFFFFFF01", Hex(new Value { IntegerValue = -1 }));
        Assert.Equal("2800", Hex(new Value { BoolValue = false }));
        Assert.Equal("AA0606" + "0A040000803F", Hex((Vector)(float[])[1f]));
        Assert.Equal("B206090A040000803F120107", Hex((Vector)((float[])[1f], (uint[])[7])));
        Assert.Equal("0805", Hex((PointId)5UL));

        static string Hex(IMessage message) => Convert.ToHexString(message.ToByteArray());
    }

    [Theory]
    [InlineData(5, "Not found: Collection `docs` doesn't exist!")]
    [InlineData(3, "Wrong input: dimension \u00fc 100% \"x\"")]
    [InlineData(16, "")]
    public async Task Status_InHeadersAlone_IsRead(int code, string detail)
    {
        _answer = http =>
        {
            http.Response.Headers["grpc-status"] = code.ToString(CultureInfo.InvariantCulture);
            http.Response.Headers["grpc-message"] = Uri.EscapeDataString(detail);
            return Task.CompletedTask;
        };

        var failure = await Assert.ThrowsAsync<RpcException>(() => _client.HealthAsync(Cancelled));

        Assert.Equal(((StatusCode)code, detail), (failure.StatusCode, failure.Status.Detail));
        Assert.Null(failure.Status.DebugException);
        Assert.Equal($"Status(StatusCode=\"{(StatusCode)code}\", Detail=\"{detail}\")", failure.Message);
    }

    [Theory]
    [InlineData(400, StatusCode.Internal)]
    [InlineData(401, StatusCode.Unauthenticated)]
    [InlineData(403, StatusCode.PermissionDenied)]
    [InlineData(404, StatusCode.Unimplemented)]
    [InlineData(429, StatusCode.Unavailable)]
    [InlineData(503, StatusCode.Unavailable)]
    [InlineData(500, StatusCode.Unknown)]
    public async Task Status_OfHttpAlone_IsTranslated(int status, StatusCode expected)
    {
        _answer = http =>
        {
            http.Response.StatusCode = status;
            return Task.CompletedTask;
        };

        Assert.Equal(expected, (await Assert.ThrowsAsync<RpcException>(() => _client.HealthAsync(Cancelled))).StatusCode);
    }

    [Fact]
    public async Task Status_AfterAMessage_Wins()
    {
        _answer = http => AnswerAsync(http, new HealthCheckReply(), "13", "broke%20late");

        var failure = await Assert.ThrowsAsync<RpcException>(() => _client.HealthAsync(Cancelled));

        Assert.Equal((StatusCode.Internal, "broke late"), (failure.StatusCode, failure.Status.Detail));
    }

    [Theory]
    [InlineData("0000000000", null, StatusCode.Cancelled)]
    [InlineData("", "0", StatusCode.Internal)]
    [InlineData("000000", "0", StatusCode.Unavailable)]
    [InlineData("00000000050A", "0", StatusCode.Unavailable)]
    [InlineData("0100000000", "0", StatusCode.Internal)]
    [InlineData("00000000000000000000", "0", StatusCode.Internal)]
    [InlineData("007FFFFFFF", "0", StatusCode.ResourceExhausted)]
    [InlineData("0000000002FFFF", "0", StatusCode.Internal)]
    [InlineData("0000000000", "77", StatusCode.Unknown)]
    public async Task Answer_Malformed_IsAFailureAndNotAMessage(string body, string? status, StatusCode expected)
    {
        _answer = async http =>
        {
            await http.Response.StartAsync(Cancelled);
            await http.Response.Body.WriteAsync(Convert.FromHexString(body), Cancelled);
            if (status is not null)
            {
                http.Response.AppendTrailer("grpc-status", status);
            }
        };

        var failure = await Assert.ThrowsAsync<RpcException>(() => _client.HealthAsync(Cancelled));

        Assert.Equal(expected, failure.StatusCode);
    }

    [Fact]
    public async Task Answer_OfAnotherKind_IsRefused()
    {
        _answer = http =>
        {
            http.Response.ContentType = "text/html";
            return http.Response.WriteAsync("<html>", Cancelled);
        };

        var failure = await Assert.ThrowsAsync<RpcException>(() => _client.HealthAsync(Cancelled));

        Assert.Contains("text/html", failure.Status.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1.5, "1500m")]
    [InlineData(1.5001, "1501m")]
    [InlineData(99_999, "99999000m")]
    [InlineData(100_000, "100000S")]
    public async Task Timeout_InAHeader_HasAtMostEightDigits(double seconds, string expected)
    {
        var sent = "";
        _answer = http =>
        {
            sent = http.Request.Headers["grpc-timeout"].ToString();
            return AnswerAsync(http, new HealthCheckReply());
        };
        using var client = new QdrantClient(
            "127.0.0.1", _port, apiKey: "key", grpcTimeout: TimeSpan.FromSeconds(seconds));

        await client.HealthAsync(Cancelled);

        Assert.Equal(expected, sent);
    }

    [Fact]
    public async Task Timeout_OfSubseconds_IsRefusedWhereTheServerTakesSeconds() => await Assert.ThrowsAsync<ArgumentException>(
        () => _client.DeleteCollectionAsync("c", TimeSpan.FromMilliseconds(1500), Cancelled));

    private static async Task<byte[]> ReadAsync(HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, Cancelled);
        return body.ToArray();
    }

    private static async Task AnswerAsync(HttpContext http, IMessage message, string status = "0", string detail = "")
    {
        var frame = new byte[5 + message.CalculateSize()];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), frame.Length - 5);
        message.WriteTo(frame.AsSpan(5));
        await http.Response.Body.WriteAsync(frame, Cancelled);
        http.Response.AppendTrailer("grpc-status", status);
        if (detail.Length > 0)
        {
            http.Response.AppendTrailer("grpc-message", detail);
        }
    }
}
