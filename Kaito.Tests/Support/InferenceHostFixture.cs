using System.Net.Http.Headers;
using System.Text;
using Kaito.InferenceHost;
using Kaito.InferenceHost.Models;
using Microsoft.AspNetCore.Builder;

namespace Kaito.Tests.Support;

/// <summary>The real host on a loopback socket.</summary>
internal sealed class InferenceHostFixture : IAsyncDisposable
{
    private InferenceHostFixture(WebApplication app) => App = app;

    public WebApplication App { get; }

    public HttpClient Client { get; } = new() { Timeout = TimeSpan.FromSeconds(30) };

    public static InferenceHostOptions Options { get; } = new("/models/scripted", "scripted")
    {
        Urls = "http://127.0.0.1:0",
        ShutdownGrace = TimeSpan.FromSeconds(5),
    };

    public static async Task<InferenceHostFixture> StartAsync(
        ModelLoader loader,
        InferenceHostOptions? options = null,
        bool untilReady = true,
        Action<WebApplicationBuilder>? adjust = null)
    {
        var fixture = new InferenceHostFixture(InferenceHostApp.Build(options ?? Options, loader, adjust));
        await fixture.App.StartAsync(TestContext.Current.CancellationToken);
        fixture.Client.BaseAddress = new(fixture.App.Urls.Single());
        if (untilReady)
        {
            await UntilAsync(async () => (await fixture.GetAsync("/health")).Status == 200);
        }

        return fixture;
    }

    public async Task<(int Status, string Body)> GetAsync(string path)
    {
        using var response = await Client.GetAsync(path, TestContext.Current.CancellationToken);
        var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return ((int)response.StatusCode, body);
    }

    public async Task<(int Status, string Body)> PostAsync(string path, string json)
    {
        using var response = await Client.PostAsync(path, Json(json), TestContext.Current.CancellationToken);
        var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return ((int)response.StatusCode, body);
    }

    public static StringContent Json(string json) =>
        new(json, Encoding.UTF8, MediaTypeHeaderValue.Parse("application/json"));

    /// <summary>Asks again until the answer is yes; fails after twenty seconds.</summary>
    public static async Task UntilAsync(Func<Task<bool>> met)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(60));
        while (!await met())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, limit.Token);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await App.StopAsync(CancellationToken.None);
        await App.DisposeAsync();
    }
}
