using Kaito.InferenceHost.Adapters;
using Kaito.InferenceHost.Chat;
using Kaito.InferenceHost.Completions;
using Kaito.InferenceHost.Documentation;
using Kaito.InferenceHost.Downloads;
using Kaito.InferenceHost.Embeddings;
using Kaito.InferenceHost.Generation;
using Kaito.InferenceHost.Http;
using Kaito.InferenceHost.Models;
using Kaito.InferenceHost.Playground;
using Kaito.InferenceHost.Responses;
using Kaito.InferenceHost.Startup;
using Kaito.InferenceHost.Tokens;

namespace Kaito.InferenceHost;

/// <summary>The whole host on one page: what it registers, then what it serves.</summary>
internal static partial class InferenceHostApp
{
    // A prompt that fills a context of 128 Ki tokens takes well under a mebibyte.
    private const int MostBodyBytes = 4 << 20;

    /// <summary>Serves until told to stop.</summary>
    /// <returns>The exit code: 0, or 1 after one line on <paramref name="errors"/>.</returns>
    public static async Task<int> RunAsync(string[] args, TextWriter errors)
    {
        var parsed = InferenceHostCommand.Parse(args, Environment.GetEnvironmentVariable, File.ReadAllText);
        if (!parsed.TryGet(out var options, out var found))
        {
            return await RefuseAsync(errors, $"{found[0].Path}: {found[0].Message}");
        }

        WebApplication? built = null;
        var loader = options.Source is { } source
            ? ModelLoading.CreateLoader(options, () => Fetch(built!.Services, source), TimeProvider.System)
            : ModelLoading.CreateLoader(options, TimeProvider.System);
        await using var app = built = Build(options, loader);
        foreach (var warning in options.Warnings)
        {
            LogWarning(app.Logger, warning);
        }

        var scheduler = app.Services.GetRequiredService<GenerationScheduler>();
        var urls = app.Configuration["urls"] ?? options.Urls;
        try
        {
            await app.RunAsync();
        }
        catch (Exception failure) when (failure is IOException or FormatException or InvalidOperationException)
        {
            return await RefuseAsync(
                errors, $"cannot listen on {urls}: {failure.Message} Choose another --port.");
        }

        return scheduler.Failure is { } reason ? await RefuseAsync(errors, reason) : 0;
    }

    /// <param name="options">Checked settings.</param>
    /// <param name="loader">Loads the model once the host runs.</param>
    /// <param name="adjust">Has the last word on services.</param>
    public static WebApplication Build(
        InferenceHostOptions options, ModelLoader loader, Action<WebApplicationBuilder>? adjust = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.ConfigureKestrel(static kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = MostBodyBytes;
            kestrel.Limits.MaxConcurrentConnections = 4096;
        });
        if (builder.Configuration["urls"] is null)
        {
            builder.WebHost.UseUrls(options.Urls);
        }

        builder.AddServiceDefaults();

        // A failed start is one line from RunAsync, not a stack trace.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None);
        builder.Services.AddExceptionHandler<OpenAIExceptionHandler>();
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton(loader);
        builder.Services.AddSingleton(new InferenceMetrics(TimeProvider.System, options.ServedModelName)
        {
            MostAdapters = options.Adapters.Enabled ? options.Adapters.MostLoaded : 0,
        });
        builder.Services.AddSingleton<ServerLoad>();
        builder.Services.AddSingleton(options.Downloads);
        builder.Services.AddSingleton<DownloadProgress>();
        builder.Services.AddSingleton<SystemReport>();
        builder.Services.AddSingleton<EmbeddingCalls>();
        builder.Services.AddCors(cors => cors.AddDefaultPolicy(policy => policy
            .WithOrigins([.. options.AllowedOrigins]).AllowAnyMethod().AllowAnyHeader()));
        builder.Services.AddSingleton<GenerationScheduler>();
        builder.Services.AddHostedService(static provider => provider.GetRequiredService<GenerationScheduler>());
        builder.Services.AddHostedService<StartupBenchmark>();
        builder.Services.Configure<HostOptions>(host =>
            host.ShutdownTimeout = options.ShutdownGrace + TimeSpan.FromSeconds(5));

        adjust?.Invoke(builder);
        var app = builder.Build();
        app.UseExceptionHandler(static _ => { });
        app.UseStatusCodePages(UnknownRoute.AnswerAsync);
        app.UseCors();
        app.UseMiddleware<ApiKeys>();
        app.UseMiddleware<RateLimit>();
        app.UseMiddleware<GenerationOnly>();
        app.MapDefaultEndpoints();
        app.MapModels();
        app.MapAdapters(options.Adapters);
        app.MapChatCompletions();
        app.MapCompletions();
        app.MapResponses();
        app.MapLegacyChat();
        app.MapEmbeddings();
        app.MapSimilarity();
        app.MapTokenize();
        app.MapDocumentation();
        app.MapPlayground();
        app.MapService();
        return app;
    }

    private static string Fetch(IServiceProvider services, ModelSource source)
    {
        var fetch = new ModelFetch(
            services.GetRequiredService<DownloadOptions>(),
            services.GetRequiredService<DownloadProgress>(),
            services.GetRequiredService<TimeProvider>(),
            services.GetRequiredService<ILogger<ModelFetch>>())
        {
            ContextTokens = services.GetRequiredService<InferenceHostOptions>().MaxModelLength,
        };
        return fetch.Fetch(source, services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping);
    }

    [LoggerMessage(LogLevel.Warning, "{Problem}")]
    private static partial void LogWarning(ILogger logger, string problem);

    private static async Task<int> RefuseAsync(TextWriter errors, string reason)
    {
        await errors.WriteLineAsync($"inference-host: {reason.ReplaceLineEndings(" ")}");
        return 1;
    }
}
