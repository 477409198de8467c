using System.Reflection;
using System.Text.Json.Serialization;
using Kaito.InferenceHost.Generation;
using Kaito.OpenAI;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Kaito.InferenceHost.Http;

/// <summary>What platforms ask of the process: health, metrics, version. None of it touches the engine.</summary>
internal static class ServiceEndpoints
{
    private static readonly string s_version =
        typeof(ServiceEndpoints).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()
            ?.InformationalVersion ?? "0";

    public static void MapService(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/health", Health);
        routes.MapMethods("/ping", [HttpMethods.Get, HttpMethods.Post], Health);
        routes.MapGet("/metrics", static (InferenceMetrics metrics, ServerLoad load) =>
            TypedResults.Text(metrics.Render(load.Rejected), "text/plain; version=0.0.4; charset=utf-8"));
        routes.MapGet("/load", static (ServerLoad load) =>
            TypedResults.Json(new(load.Pending), ServiceJson.Default.ServerLoadAnswer));
        routes.MapGet("/version", static () => TypedResults.Json(new(s_version), ServiceJson.Default.ServerVersion));
        routes.MapFallback(NotFound);
    }

    /// <summary>200 without a body when requests are taken and the engine moves, else 503; never waits.</summary>
    internal static IResult Health(GenerationScheduler scheduler, InferenceHostOptions options)
    {
        var hangs = scheduler.Stalled || scheduler.Model?.Embeddings?.Embedder.BusyFor > options.StallLimit;
        return TypedResults.StatusCode(scheduler.State == HostState.Ready && !hangs
            ? StatusCodes.Status200OK
            : StatusCodes.Status503ServiceUnavailable);
    }

    private static JsonHttpResult<ErrorResponse> NotFound(HttpContext http) => OpenAIResults.Error(
        StatusCodes.Status404NotFound, "Not Found", $"There is no route {http.Request.Method} {http.Request.Path}.");
}

internal sealed record ServerVersion(string Version);

internal sealed record ServerLoadAnswer([property: JsonPropertyName("server_load")] int ServerLoad);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ServerVersion))]
[JsonSerializable(typeof(ServerLoadAnswer))]
internal sealed partial class ServiceJson : JsonSerializerContext;
