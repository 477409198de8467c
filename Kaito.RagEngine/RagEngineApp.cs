using Kaito.RagEngine.Chat;
using Kaito.RagEngine.Embedding;
using Kaito.RagEngine.Guardrails;
using Kaito.RagEngine.Http;
using Kaito.RagEngine.Indexing;
using Kaito.RagEngine.Mcp;
using Kaito.RagEngine.Metrics;
using Kaito.RagEngine.Page;
using Kaito.RagEngine.Persistence;
using Kaito.RagEngine.Retrieval;
using Kaito.RagEngine.Store;

namespace Kaito.RagEngine;

/// <summary>The whole service on one page: what it registers, then what it serves.</summary>
internal static class RagEngineApp
{
    private const int LeastThreads = 32;

    /// <summary>Serves until told to stop.</summary>
    /// <returns>The exit code: 0, or 1 after one line on <paramref name="errors"/>.</returns>
    public static async Task<int> RunAsync(string[] args, TextWriter errors)
    {
        var parsed = RagEngineCommand.Parse(args, Environment.GetEnvironmentVariable);
        if (!parsed.TryGet(out var options, out var found))
        {
            return await RefuseAsync(errors, string.Join(' ', found.Select(static f => f.Message)));
        }

        // Reading files blocks threads: health and other requests must not wait until the pool has grown.
        ThreadPool.SetMinThreads(LeastThreads, LeastThreads);
        try
        {
            await using var app = Build(options);
            await app.RunAsync();
            return 0;
        }
        catch (Exception failure) when (failure is StoreException or EmbeddingException)
        {
            return await RefuseAsync(errors, failure.Message);
        }
        catch (Exception failure) when (failure is IOException or FormatException or InvalidOperationException)
        {
            return await RefuseAsync(errors, $"cannot listen on {options.Urls}: {failure.Message} Choose other --urls.");
        }
    }

    /// <param name="options">Checked settings.</param>
    /// <param name="adjust">Replaces services, in tests.</param>
    public static WebApplication Build(RagEngineOptions options, Action<IServiceCollection>? adjust = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MostBodyBytes;
            kestrel.Limits.MaxConcurrentConnections = 4096;
        });
        builder.WebHost.UseUrls(options.Urls);
        builder.AddServiceDefaults();

        // A failed start is one line from RunAsync, not a stack trace.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None);
        builder.Services.AddExceptionHandler<RagExceptionHandler>();
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton<RagMetrics>();
        builder.Services.AddSingleton<OperationWatch>();
        builder.Services.AddRetrieval();
        builder.Services.AddChat();
        builder.Services.AddGuardrails();
        adjust?.Invoke(builder.Services);

        var app = builder.Build();
        app.UseMiddleware<RequestWatch>();
        app.UseExceptionHandler(static _ => { });
        app.UseStatusCodePages(static context => ServiceEndpoints.DescribeStatusAsync(context.HttpContext));
        app.UseMiddleware<ApiKeys>();
        app.MapDefaultEndpoints();
        app.MapService();
        app.MapIndexes();
        app.MapPersistence();
        app.MapRetrieve();
        app.MapChat();
        app.MapModels();
        app.MapMcp();
        app.MapPage();
        return app;
    }

    private static async Task<int> RefuseAsync(TextWriter errors, string reason)
    {
        await errors.WriteLineAsync($"rag-engine: {reason.ReplaceLineEndings(" ")}");
        return 1;
    }
}
