using System.Text.Json.Serialization;
using Kaito.RagEngine.Metrics;

namespace Kaito.RagEngine.Http;

/// <summary>What platforms ask of the process.</summary>
internal static class ServiceEndpoints
{
    public static void MapService(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/health", static () => TypedResults.Json(new HealthAnswer("Healthy", null), ServiceJson.Default.HealthAnswer))
            .WithName("get_health").WithTags("Monitoring");
        routes.MapGet("/metrics", static (RagMetrics metrics) =>
            TypedResults.Text(metrics.Render(), "text/plain; version=0.0.4; charset=utf-8"))
            .WithName("get_metrics").WithTags("Monitoring");
    }

    /// <summary>Routing's own 404 and 405 have no body; upstream's have one.</summary>
    public static Task DescribeStatusAsync(HttpContext http) => http.Response.StatusCode switch
    {
        StatusCodes.Status404NotFound => WriteAsync(http, "Not Found"),
        StatusCodes.Status405MethodNotAllowed => WriteAsync(http, "Method Not Allowed"),
        StatusCodes.Status413PayloadTooLarge => WriteAsync(http, "Request Entity Too Large"),
        _ => Task.CompletedTask,
    };

    private static Task WriteAsync(HttpContext http, string detail) =>
        RagExceptionHandler.Detail(http.Response.StatusCode, detail).ExecuteAsync(http);
}

internal sealed record HealthAnswer(string Status, string? Detail);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(HealthAnswer))]
internal sealed partial class ServiceJson : JsonSerializerContext;
