using System.Reflection;
using System.Text.Json.Serialization;
using Kaito.InferenceHost.Downloads;
using Kaito.InferenceHost.Generation;

namespace Kaito.InferenceHost.Http;

/// <summary>What platforms ask of the process: health, metrics, version. None of it touches the engine.</summary>
internal static class ServiceEndpoints
{
    private const string Tag = "Service";

    /// <summary>The assembly's own.</summary>
    public static string ServerVersion { get; } =
        typeof(ServiceEndpoints).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()
            ?.InformationalVersion ?? "0";

    public static void MapService(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/health", Health).WithName("Health").WithTags(Tag);
        routes.MapMethods("/ping", [HttpMethods.Get, HttpMethods.Post], Health).WithTags(Tag);
        routes.MapGet("/metrics", MetricsAsync).WithName("Metrics").WithTags(Tag);
        routes.MapGet("/load", static (ServerLoad load) =>
            TypedResults.Json(new(load.Pending), ServiceJson.Default.ServerLoadAnswer))
            .WithName("Load").WithTags(Tag).Gives(ServiceJson.Default.ServerLoadAnswer);
        routes.MapGet("/version", static () => TypedResults.Json(new(ServerVersion), ServiceJson.Default.VersionAnswer))
            .WithName("Version").WithTags(Tag).Gives(ServiceJson.Default.VersionAnswer);
    }

    /// <summary>Prometheus text, unless JSON is all that the client takes: KAITO's first runtimes had that form.</summary>
    internal static async Task<IResult> MetricsAsync(
        HttpContext http, GenerationScheduler scheduler, InferenceMetrics metrics, ServerLoad load, DownloadProgress download)
    {
        var system = http.RequestServices.GetRequiredService<SystemReport>();
        http.Response.Headers.Vary = "Accept";
        return http.Request.Headers.Accept.ToString() is "application/json"
            ? TypedResults.Json(await system.ReadAsync(http.RequestAborted), SystemReportJson.Default.SystemFigures)
            : TypedResults.Text(metrics.Render(new(load.Rejected, scheduler.Waiting, download.Speed, download.Remaining)), "text/plain; version=0.0.4; charset=utf-8");
    }

    /// <summary>
    /// 200 when requests are taken and the engine moves, else 503; never waits. No body, but for clients that take JSON only.
    /// </summary>
    internal static IResult Health(HttpContext http, GenerationScheduler scheduler, InferenceHostOptions options)
    {
        var hangs = scheduler.Stalled || scheduler.Model?.Embeddings?.Embedder.BusyFor > options.StallLimit;
        if (scheduler.State != HostState.Ready || hangs)
        {
            http.Response.Headers.RetryAfter = "1";
            return TypedResults.StatusCode(StatusCodes.Status503ServiceUnavailable);
        }

        return http.Request.Headers.Accept.ToString() is "application/json"
            ? TypedResults.Json(new("Healthy"), ServiceJson.Default.HealthAnswer)
            : TypedResults.StatusCode(StatusCodes.Status200OK);
    }
}

internal sealed record HealthAnswer(string Status);

internal sealed record VersionAnswer(string Version);

internal sealed record ServerLoadAnswer([property: JsonPropertyName("server_load")] int ServerLoad);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(VersionAnswer))]
[JsonSerializable(typeof(HealthAnswer))]
[JsonSerializable(typeof(ServerLoadAnswer))]
internal sealed partial class ServiceJson : JsonSerializerContext;
