using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Microsoft.Extensions.Hosting;

/// <summary>What every process of Kaito does the same way: telemetry and health.</summary>
public static class ServiceDefaultsExtensions
{
    private const string OtlpEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
    private const string LiveTag = "live";

    /// <summary>Adds the health checks, quiets request logs, and exports telemetry when <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> is set.</summary>
    /// <typeparam name="TBuilder">The kind of application.</typeparam>
    public static TBuilder AddServiceDefaults<TBuilder>(this TBuilder builder)
        where TBuilder : IHostApplicationBuilder
    {
        // One line per request is noise: probes alone make several a second.
        builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
        builder.Services.AddHealthChecks().AddCheck("self", static () => HealthCheckResult.Healthy(), [LiveTag]);
        if (!string.IsNullOrWhiteSpace(builder.Configuration[OtlpEndpoint]))
        {
            builder.Logging.AddOpenTelemetry(static logging =>
            {
                logging.IncludeFormattedMessage = true;
                logging.IncludeScopes = true;
                logging.AddOtlpExporter();
            });
            var application = builder.Environment.ApplicationName;
            builder.Services.AddHostedService(_ => new TelemetryPipeline(application));
        }

        return builder;
    }

    /// <summary>Maps <c>/alive</c>: the process answers. It says nothing about being ready for work.</summary>
    /// <remarks>Mapped in every environment: Kubernetes probes need it in production.</remarks>
    public static WebApplication MapDefaultEndpoints(this WebApplication app)
    {
        app.MapHealthChecks("/alive", new HealthCheckOptions
        {
            Predicate = static check => check.Tags.Contains(LiveTag),
        });
        return app;
    }
}

/// <summary>Owns the providers that export traces and metrics, for as long as the process runs.</summary>
/// <param name="application">Name of the process's own activity source and meter.</param>
internal sealed class TelemetryPipeline(string application) : IHostedService, IDisposable
{
    private static readonly string[] s_probePaths = ["/health", "/healthz", "/readyz", "/livez", "/alive", "/metrics"];

    private TracerProvider? _traces;
    private MeterProvider? _metrics;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _traces = Sdk.CreateTracerProviderBuilder()
            .AddSource("Microsoft.AspNetCore", "System.Net.Http", application)
            .AddProcessor(new ProbeFilter())
            .AddOtlpExporter()
            .Build();
        _metrics = Sdk.CreateMeterProviderBuilder()
            .AddMeter(
                "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Net.Http",
                "System.Runtime", application)
            .AddOtlpExporter()
            .Build();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        Dispose();
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        _traces?.Dispose();
        _metrics?.Dispose();
        (_traces, _metrics) = (null, null);
    }

    /// <summary>Keeps probes out of the traces; the source itself offers no filter.</summary>
    private sealed class ProbeFilter : BaseProcessor<Activity>
    {
        public override void OnEnd(Activity data)
        {
            if (data.GetTagItem("url.path") is string path && s_probePaths.Contains(path))
            {
                data.ActivityTraceFlags &= ~ActivityTraceFlags.Recorded;
            }
        }
    }
}
