using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Kaito.Tests.InferenceHost.Downloads;

/// <summary>A registry on a loopback socket that asks for a token, as most do, and gives one for a login.</summary>
internal sealed class FaultyRegistry : IAsyncDisposable
{
    private const string Token = "registry-token";

    private readonly WebApplication _app;

    private FaultyRegistry(WebApplication app) => _app = app;

    /// <summary>Files of the artifact, by title.</summary>
    public Dictionary<string, byte[]> Files { get; } = [];

    /// <summary>Path and authorization of each request.</summary>
    public ConcurrentQueue<string> Asked { get; } = new();

    /// <summary>The login that the token is given for; null for none.</summary>
    public string? Login { get; set; }

    /// <summary>Sends other bytes than the digest says.</summary>
    public bool Corrupt { get; set; }

    public string Host => new Uri(_app.Urls.Single()).Authority;

    public string Digest => "sha256:" + FaultyHub.Sha256(Manifest());

    public static async Task<FaultyRegistry> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var app = builder.Build();
        var registry = new FaultyRegistry(app);
        app.Run(registry.AnswerAsync);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return registry;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext http)
    {
        var path = http.Request.Path.Value!;
        var shown = http.Request.Headers.Authorization.ToString();
        Asked.Enqueue($"{path} {shown}".TrimEnd());
        if (path == "/token")
        {
            http.Response.StatusCode = Login is null || shown == $"Basic {Login}" ? 200 : 401;
            await http.Response.WriteAsync($$"""{"token":"{{Token}}","scope":"{{http.Request.Query["scope"]}}"}""");
        }
        else if (shown != $"Bearer {Token}")
        {
            http.Response.StatusCode = 401;
            http.Response.Headers.WWWAuthenticate =
                $"Bearer realm=\"http://{Host}/token\",service=\"registry\",scope=\"repository:team/model:pull\"";
        }
        else if (path.StartsWith("/v2/team/model/manifests/", StringComparison.Ordinal))
        {
            await http.Response.Body.WriteAsync(Manifest());
        }
        else
        {
            var bytes = Files.Values.First(file => path == $"/v2/team/model/blobs/sha256:{FaultyHub.Sha256(file)}");
            await http.Response.Body.WriteAsync(Corrupt ? [.. bytes.Select(static b => (byte)(b ^ 1))] : bytes);
        }
    }

    private byte[] Manifest() => Encoding.UTF8.GetBytes(new JsonObject
    {
        ["schemaVersion"] = 2,
        ["layers"] = new JsonArray([.. Files.Select(static file => new JsonObject
        {
            ["digest"] = $"sha256:{FaultyHub.Sha256(file.Value)}",
            ["size"] = file.Value.Length,
            ["annotations"] = new JsonObject { ["org.opencontainers.image.title"] = file.Key },
        })]),
    }.ToJsonString());
}
