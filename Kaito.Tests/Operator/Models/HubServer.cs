using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Kaito.Tests.Operator.Models;

/// <summary>A hub of models on a free port of this machine; it answers what the test says.</summary>
internal sealed class HubServer : IAsyncDisposable
{
    private const string List =
        """
        [{"type":"directory","path":"original","size":0},
         {"type":"file","path":"model.safetensors","size":134,"lfs":{"size":5368709120}},{"type":"file","path":"config.json","size":9}]
        """;

    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, RequestDelegate> _answers = new(StringComparer.OrdinalIgnoreCase);

    private HubServer(WebApplication app) => _app = app;

    public Uri Address => new(_app.Urls.Single() + "/");

    /// <summary>Paths that were asked for, each with the value of its Authorization header.</summary>
    public ConcurrentQueue<(string Path, string Authorization)> Asked { get; } = new();

    public static async Task<HubServer> StartAsync(CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var server = new HubServer(builder.Build());
        server._app.Run(server.AnswerAsync);
        await server._app.StartAsync(cancellationToken);
        return server;
    }

    /// <summary>A repository with 5 GiB of weights.</summary>
    public void Has(string repository, string config)
    {
        On($"/api/models/{repository}/tree/main", static http => http.Response.WriteAsync(List));
        On($"/{repository}/resolve/main/config.json", http => http.Response.WriteAsync(config));
    }

    public void On(string path, RequestDelegate answer) => _answers[path] = answer;

    public void Refuses(string repository, HttpStatusCode status, Action<IHeaderDictionary>? headers = null) =>
        On($"/api/models/{repository}/tree/main", http =>
        {
            headers?.Invoke(http.Response.Headers);
            http.Response.StatusCode = (int)status;
            return http.Response.WriteAsync("""{"error":"no"}""");
        });

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource(TimeSpan.FromSeconds(1), TimeProvider.System);
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }

    private Task AnswerAsync(HttpContext http)
    {
        Asked.Enqueue((http.Request.Path, http.Request.Headers.Authorization.ToString()));
        if (_answers.TryGetValue(http.Request.Path, out var answer))
        {
            return answer(http);
        }

        http.Response.StatusCode = 404;
        return Task.CompletedTask;
    }
}
