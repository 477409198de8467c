using System.Net.Sockets;
using k8s;
using k8s.Exceptions;
using Kaito.Core.Admission;
using Kaito.Operator.Admission;
using Kaito.Operator.Cluster;
using Kaito.Operator.InferenceSets;
using Kaito.Operator.Models;
using Kaito.Operator.RagEngines;
using Kaito.Operator.Workspaces;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Kaito.Operator;

/// <summary>The whole operator on one page: what it registers, then what it serves.</summary>
internal static class OperatorApp
{
    /// <summary>Works until told to stop.</summary>
    /// <returns>
    /// The exit code: 0 when it was asked to stop; after one line on <paramref name="errors"/> 1 when it cannot go on,
    /// and 2
    /// when what it was told makes no sense.
    /// </returns>
    public static async Task<int> RunAsync(
        string[] args, Func<string, string?> environment, TextWriter errors, CancellationToken cancellationToken)
    {
        if (args.Contains("--version"))
        {
            await errors.WriteLineAsync($"kaito-operator {typeof(OperatorApp).Assembly.GetName().Version}");
            return 0;
        }

        try
        {
            await using var app = Build(CommandLine.Parse(args, environment));
            if (await RunAsync(app, cancellationToken) is not { } failure)
            {
                return 0;
            }

            await errors.WriteLineAsync($"kaito-operator: {failure}");
            return 1;
        }
        catch (Exception wrong) when (wrong is FormatException or KubeConfigException)
        {
            await errors.WriteLineAsync($"kaito-operator: {wrong.Message}");
            return 2;
        }
        catch (StartException wrong)
        {
            await errors.WriteLineAsync($"kaito-operator: {wrong.Message}");
            return 1;
        }
        catch (Exception wrong) when (wrong is IOException or SocketException)
        {
            // The only socket that the start itself opens.
            await errors.WriteLineAsync(
                $"kaito-operator: --listen: {wrong.Message} Stop the process that has the port, or choose another, "
                + "e.g. --listen http://127.0.0.1:0.");
            return 1;
        }
    }

    /// <exception cref="KubeConfigException">The kubeconfig cannot be used.</exception>
    public static WebApplication Build(OperatorOptions options, Action<WebApplicationBuilder>? adjust = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.AddServiceDefaults();

        // A start that fails is told in one line where the process ends.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None);
        if (options.LogLevel is { } level)
        {
            builder.Logging.SetMinimumLevel(level);
        }

        if (options.Listen is { } listen)
        {
            builder.WebHost.UseUrls(listen);
        }

        var configuration = Connect(options);
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(Target(options, configuration));
        builder.Services.AddSingleton(new Kubernetes(configuration));
        builder.Services.AddSingleton<KubeApi>();
        builder.Services.AddSingleton<LeaderTerm>();
        builder.Services.AddSingleton<IKubeApi, FencedKubeApi>();
        builder.Services.AddOperatorControllers();
        builder.Services.AddSingleton<OperatorStatus>();
        builder.Services.AddSingleton<OperatorPictures>();
        builder.Services.AddSingleton<IdleMemory>();
        builder.Services.AddSingleton(static services => new StartChecks(
            services.GetRequiredService<KubeApi>(), services.GetRequiredService<KubeTarget>(),
            services.GetRequiredService<OperatorOptions>(), services.GetRequiredService<OperatorStatus>(),
            services.GetRequiredService<TimeProvider>(), services.GetRequiredService<ILogger<StartChecks>>()));
        builder.Services.AddHostedService(static services => services.GetRequiredService<ModelLookup>());
        builder.Services.AddHostedService<OperatorService>();
        if (options.Webhook)
        {
            builder.Services.AddWebhooks(options);
        }

        adjust?.Invoke(builder);

        var app = builder.Build();
        app.MapDefaultEndpoints();
        app.MapGet("/healthz", static () => "ok");
        app.MapGet("/readyz", Ready);
        app.MapGet("/health", Ready);
        app.MapGet("/metrics", Metrics);
        return app;
    }

    private static void AddWebhooks(this IServiceCollection services, OperatorOptions options)
    {
        services.AddSingleton(CertificateTimes.Default);
        services.AddSingleton(new AdmissionAnswers(new AdmissionRules(options.Offer(null))));
        services.AddSingleton(static provider => new WebhookCertificates(
            provider.GetRequiredService<KubeApi>(), provider.GetRequiredService<CertificateTimes>(),
            provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<WebhookCertificates>>()));
        services.AddSingleton<WebhookServer>();
        services.AddHostedService(static provider => provider.GetRequiredService<WebhookServer>());
    }

    private static async Task<string?> RunAsync(WebApplication app, CancellationToken cancellationToken)
    {
        var status = app.Services.GetRequiredService<OperatorStatus>();
        try
        {
            await ((IHost)app).RunAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // Told to stop, or failed, before everything had started.
        }

        return status.Failure;
    }

    private static KubernetesClientConfiguration Connect(OperatorOptions options)
    {
        var configuration = options.Kubeconfig is { } path
            ? KubernetesClientConfiguration.BuildConfigFromConfigFile(path)
            : KubernetesClientConfiguration.BuildDefaultConfig();
        configuration.UserAgent = "kaito-operator";
        return configuration;
    }

    private static KubeTarget Target(OperatorOptions options, KubernetesClientConfiguration configuration) => new(
        configuration.Host,
        configuration.CurrentContext is not { Length: > 0 } context
            ? "of this pod, or of a machine without a kubeconfig"
            : options.Kubeconfig is { } file
                ? $"context '{context}' of the kubeconfig '{file}'"
                : $"context '{context}' of the kubeconfig that kubectl uses here");

    // A replica that waits for the lease is ready too: it does what it is there for.
    private static ContentHttpResult Ready(
        OperatorStatus status, WorkspaceObserver workspaces, InferenceSetObserver sets, RagEngineObserver engines)
    {
        if ((status.Problem ?? status.WebhookProblem) is not { } problem)
        {
            return TypedResults.Text("ok\n");
        }

        var causes = workspaces.Informers.Union(sets.Informers).Union(engines.Informers)
            .Select(static i => i.Problem).OfType<string>();
        return TypedResults.Text(
            string.Join("\n", causes.Prepend(problem)) + "\n", statusCode: StatusCodes.Status503ServiceUnavailable);
    }

    private static async Task<ContentHttpResult> Metrics(
        OperatorMetrics metrics, OperatorPictures pictures, CancellationToken cancellationToken) => TypedResults.Text(
        metrics.Render(await pictures.NowAsync(cancellationToken)), "text/plain; version=0.0.4");
}
