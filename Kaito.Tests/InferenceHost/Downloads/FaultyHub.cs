using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Kaito.Tests.InferenceHost.Downloads;

/// <summary>A hub and a registry on loopback sockets, with the faults that a test asks for.</summary>
internal sealed class FaultyHub : IAsyncDisposable
{
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";

    private readonly WebApplication _hub;
    private readonly WebApplication _store;

    private FaultyHub(WebApplication hub, WebApplication store) => (_hub, _store) = (hub, store);

    /// <summary>By path within the repository.</summary>
    public Dictionary<string, byte[]> Files { get; } = [];

    /// <summary>Kept in git itself; the others are in the large file store, on another port.</summary>
    public HashSet<string> Small { get; } = [];

    /// <summary>What is done about the next requests for a file, instead of answering well.</summary>
    public ConcurrentQueue<string> Faults { get; } = new();

    /// <summary>Method, path, range and authorization of each request, in order.</summary>
    public ConcurrentQueue<string> Asked { get; } = new();

    /// <summary>Replaces the list of files.</summary>
    public string? Listing { get; set; }

    /// <summary>Answers this to the request for the list.</summary>
    public int ListStatus { get; set; } = 200;

    public Uri Address => new(_hub.Urls.Single() + "/");

    private string StoreAddress => _store.Urls.Single();

    public static async Task<FaultyHub> StartAsync()
    {
        FaultyHub? hub = null;
        var front = Create(http => hub!.FrontAsync(http));
        var store = Create(http => hub!.StoreAsync(http));
        hub = new(front, store);
        await front.StartAsync(TestContext.Current.CancellationToken);
        await store.StartAsync(TestContext.Current.CancellationToken);
        return hub;
    }

    public static string Sha256(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

#pragma warning disable CA5350 // What git and the hub name small files by; nothing is protected with it.
    public static string GitHash(byte[] bytes) => Convert.ToHexStringLower(SHA1.HashData(
        [.. Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"blob {bytes.Length}\0")), .. bytes]));
#pragma warning restore CA5350

    public async ValueTask DisposeAsync()
    {
        await _hub.DisposeAsync();
        await _store.DisposeAsync();
    }

    private static WebApplication Create(Func<HttpContext, Task> answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Run(http => answer(http));
        return app;
    }

    private async Task FrontAsync(HttpContext http)
    {
        Note("hub", http);
        var path = http.Request.Path.Value!;
        if (path.StartsWith("/api/models/", StringComparison.Ordinal))
        {
            http.Response.StatusCode = ListStatus;
            await http.Response.WriteAsync(ListStatus == 200 ? Listing ?? List() : "no");
            return;
        }

        var name = path.Split($"/resolve/{Commit}/") is [_, var file] ? file : "";
        if (!Files.TryGetValue(name, out var bytes))
        {
            http.Response.StatusCode = 404;
        }
        else if (Small.Contains(name))
        {
            await SendAsync(http, bytes);
        }
        else
        {
            http.Response.StatusCode = 302;
            http.Response.Headers.Location = $"{StoreAddress}/{Sha256(bytes)}?signature=x";
        }
    }

    private async Task StoreAsync(HttpContext http)
    {
        Note("store", http);
        var bytes = Files.Values.Single(file => Sha256(file) == http.Request.Path.Value!.TrimStart('/'));
        await SendAsync(http, bytes);
    }

    private async Task SendAsync(HttpContext http, byte[] bytes)
    {
        Faults.TryDequeue(out var fault);
        if (int.TryParse(fault, CultureInfo.InvariantCulture, out var status))
        {
            http.Response.StatusCode = status;
            return;
        }

        var from = fault != "no-range" && http.Request.Headers.Range.ToString() is { Length: > 0 } range
            ? int.Parse(range["bytes=".Length..].TrimEnd('-'), CultureInfo.InvariantCulture)
            : 0;
        var rest = bytes.AsMemory(from).ToArray();
        if (from > 0)
        {
            http.Response.StatusCode = 206;
            http.Response.Headers.ContentRange = $"bytes {from}-{bytes.Length - 1}/{bytes.Length}";
        }

        if (fault == "corrupt")
        {
            rest[^1] ^= 1;
        }

        http.Response.ContentLength = rest.Length;
        if (fault == "cut")
        {
            await http.Response.Body.WriteAsync(rest.AsMemory(0, rest.Length / 2));
            await http.Response.Body.FlushAsync();
            http.Abort();
            return;
        }

        await http.Response.Body.WriteAsync(rest);
    }

    private string List() => new JsonObject
    {
        ["sha"] = Commit,
        ["siblings"] = new JsonArray([.. Files.Select(file => new JsonObject
        {
            ["rfilename"] = file.Key,
            ["size"] = file.Value.Length,
            ["blobId"] = GitHash(file.Value),
            ["lfs"] = Small.Contains(file.Key)
                ? null
                : new JsonObject { ["sha256"] = Sha256(file.Value), ["size"] = file.Value.Length, ["pointerSize"] = 130 },
        })]),
    }.ToJsonString();

    private void Note(string who, HttpContext http) => Asked.Enqueue(
        $"{who} {http.Request.Path} {http.Request.Headers.Range} {http.Request.Headers.Authorization}".TrimEnd());
}
