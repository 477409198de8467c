using Kaito.InferenceHost;
using Kaito.InferenceHost.Generation;
using Kaito.InferenceHost.Models;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Kaito.Benchmarks.Engine;

/// <summary>The whole inference host in this process, silent, with a model.</summary>
internal sealed class ServedHost : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private readonly WebApplication _host;

    /// <param name="modelPath">Folder of the model.</param>
    /// <param name="change">Other settings than the usual ones.</param>
    public ServedHost(string modelPath, Func<InferenceHostOptions, InferenceHostOptions>? change = null)
    {
        // The table is all that should be printed.
        Environment.SetEnvironmentVariable("Logging__LogLevel__Default", "None");
        Environment.SetEnvironmentVariable("Logging__LogLevel__Microsoft", "None");
        var options = new InferenceHostOptions(modelPath, "tiny") { Urls = "http://127.0.0.1:0" };
        options = change?.Invoke(options) ?? options;
        _host = InferenceHostApp.Build(options, ModelLoading.CreateLoader(options, TimeProvider.System));
        _host.Start();
        Client.BaseAddress = new(_host.Urls.First());
        var scheduler = _host.Services.GetRequiredService<GenerationScheduler>();
        if (!SpinWait.SpinUntil(() => scheduler.State == HostState.Ready, s_limit))
        {
            throw new InvalidOperationException($"The host is not ready: {scheduler.Failure ?? "it still loads"}");
        }
    }

    public Uri Address => Client.BaseAddress!;

    public HttpClient Client { get; } = new() { Timeout = s_limit };

    public void Dispose()
    {
        Client.Dispose();
        _host.StopAsync().GetAwaiter().GetResult();
        ((IDisposable)_host).Dispose();
    }
}
