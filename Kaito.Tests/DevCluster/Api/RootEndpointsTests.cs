using System.Net;
using Kaito.DevCluster;
using Kaito.DevCluster.Api;
using Microsoft.Extensions.DependencyInjection;

namespace Kaito.Tests.DevCluster.Api;

/// <summary>What is not a resource.</summary>
public sealed class RootEndpointsTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Health_WhileAnEarlierKubeconfigMayLieThere_IsNotOk()
    {
        using var folder = new ScratchFolder();
        await using var app = DevClusterApp.Build(["--state-dir", folder.Root, "--listen", "http://127.0.0.1:0"]);
        await app.StartAsync(Cancelled);
        using var client = new HttpClient { BaseAddress = new(app.Urls.First(static url => url.StartsWith("http:"))) };

        using var listening = await client.GetAsync("/healthz", Cancelled);
        app.Services.GetRequiredService<KubeconfigFile>().Write();
        using var ready = await client.GetAsync("/healthz", Cancelled);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, listening.StatusCode);
        Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
        await app.StopAsync(Cancelled);
    }
}
