using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Kaito.Tests.RagEngine.Chat;

/// <summary>An answering model on a loopback socket that says what a test tells it to.</summary>
internal sealed class ScriptedModel : IAsyncDisposable
{
    public const string Whole =
        """
        {"id":"chatcmpl-test123","object":"chat.completion","created":1677652288,"model":"mock-model",
         "choices":[{"index":0,"message":{"role":"assistant","content":"This is a helpful response."},"finish_reason":"length"}],
         "usage":{"prompt_tokens":25,"completion_tokens":12,"total_tokens":37}}
        """;

    private readonly WebApplication _app;

    private ScriptedModel(WebApplication app) => _app = app;

    public Uri Url { get; private set; } = null!;

    /// <summary>What was asked, in order.</summary>
    public ConcurrentQueue<JsonNode> Asked { get; } = [];

    /// <summary>Authorization and User-Agent of what was asked.</summary>
    public ConcurrentQueue<(string Authorization, string UserAgent)> Headers { get; } = [];

    /// <summary>Answers a chat; by default with <see cref="Whole"/>.</summary>
    public Func<HttpContext, Task> Answer { get; set; } = static http => JsonAsync(http, 200, Whole);

    /// <summary>Tokens of a text; null, as at first, for a server without <c>/tokenize</c>.</summary>
    public Func<string, int>? Tokens { get; set; }

    /// <summary>Status of an answer without a count.</summary>
    public int WithoutTokens { get; set; } = 404;

    /// <summary>Texts whose tokens were asked for, in order.</summary>
    public ConcurrentQueue<string> Counted { get; } = [];

    public static async Task<ScriptedModel> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var app = builder.Build();
        var model = new ScriptedModel(app);
        app.MapGet("/v1/models", static http =>
            JsonAsync(http, 200, """{"data":[{"id":"mock-model","max_model_len":2048}]}"""));
        app.MapPost("/v1/chat/completions", async http =>
        {
            model.Headers.Enqueue((http.Request.Headers.Authorization.ToString(), http.Request.Headers.UserAgent.ToString()));
            model.Asked.Enqueue((await JsonNode.ParseAsync(http.Request.Body))!);
            await model.Answer(http);
        });
        app.MapPost("/tokenize", async http =>
        {
            var asked = (await JsonNode.ParseAsync(http.Request.Body))!;
            model.Counted.Enqueue((string)asked["prompt"]!);
            await (model.Tokens is { } count
                ? JsonAsync(http, 200, $$"""{"count":{{count((string)asked["prompt"]!)}},"max_model_len":2048,"tokens":[]}""")
                : JsonAsync(http, model.WithoutTokens, """{"detail":"Not Found"}"""));
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        model.Url = new($"{address}/v1/chat/completions");
        return model;
    }

    public static Task JsonAsync(HttpContext http, int status, string json)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        return http.Response.WriteAsync(json);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
