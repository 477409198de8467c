using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Kaito.RagEngine;
using Kaito.RagEngine.Embedding;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Kaito.Tests.RagEngine;

/// <summary>The service on a loopback socket, with files in a folder of its own.</summary>
internal sealed class RagFixture : IAsyncDisposable
{
    private readonly ScratchFolder? _own;

    private RagFixture(WebApplication app, ScratchFolder? own, string address) =>
        (App, _own, Http) = (app, own, new() { BaseAddress = new(address) });

    public WebApplication App { get; }

    public HttpClient Http { get; }

    public static async Task<RagFixture> StartAsync(
        Func<RagEngineOptions, RagEngineOptions>? change = null,
        Action<IServiceCollection>? adjust = null,
        ScratchFolder? folder = null)
    {
        var own = folder is null ? new ScratchFolder() : null;
        var root = (folder ?? own)!;
        var options = new RagEngineOptions
        {
            Urls = "http://127.0.0.1:0",
            PersistFolder = root.Path("storage"),
            LiveFolder = root.Path("live"),
        };
        var app = RagEngineApp.Build(change?.Invoke(options) ?? options, services =>
        {
            services.AddLogging(static logging => logging.ClearProviders());
            adjust?.Invoke(services);
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        return new(app, own, address);
    }

    public Task<(int Status, JsonNode? Body)> IndexAsync(string index, params string[] texts) =>
        PostAsync("/index", new JsonObject
        {
            ["index_name"] = index,
            ["documents"] = new JsonArray([.. texts.Select(static text => new JsonObject { ["text"] = text })]),
        });

    /// <summary>Replaces the embedder by one that makes arbitrary vectors.</summary>
    public static void UseEmbedder(IServiceCollection services, string name, int dimensions) =>
        services.AddSingleton<IEmbedderSource>(new FixedEmbedder(name, dimensions));

    /// <summary>Status and body; the body is null when it is no JSON.</summary>
    public async Task<(int Status, JsonNode? Body)> PostAsync(string path, string json)
    {
        using var content = new StringContent(json, System.Text.Encoding.UTF8, "application/json");
        using var response = await Http.PostAsync(path, content, TestContext.Current.CancellationToken);
        return await ReadAsync(response);
    }

    public async Task<(int Status, JsonNode? Body)> PostAsync(string path, JsonNode body) =>
        await PostAsync(path, body.ToJsonString());

    public async Task<(int Status, JsonNode? Body)> GetAsync(string path)
    {
        using var response = await Http.GetAsync(path, TestContext.Current.CancellationToken);
        return await ReadAsync(response);
    }

    public async Task<(int Status, JsonNode? Body)> DeleteAsync(string path)
    {
        using var response = await Http.DeleteAsync(path, TestContext.Current.CancellationToken);
        return await ReadAsync(response);
    }

    public Task<string> MetricsAsync() => Http.GetStringAsync("/metrics", TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await App.DisposeAsync();
        _own?.Dispose();
    }

    private static async Task<(int Status, JsonNode? Body)> ReadAsync(HttpResponseMessage response)
    {
        var body = response.Content.Headers.ContentType?.MediaType == "application/json"
            ? await response.Content.ReadFromJsonAsync<JsonNode>(TestContext.Current.CancellationToken)
            : null;
        return ((int)response.StatusCode, body);
    }
}
