using System.Text.Json.Serialization;
using Kaito.RagEngine.Embedding;
using Kaito.RagEngine.Metrics;
using Kaito.RagEngine.Store;

namespace Kaito.RagEngine.Http;

/// <summary>What platforms ask of the process.</summary>
internal static class ServiceEndpoints
{
    public static void MapService(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/health", HealthAsync).WithName("get_health").WithTags("Monitoring");
        routes.MapGet("/metrics", static (RagMetrics metrics) =>
            TypedResults.Text(metrics.Render(), "text/plain; version=0.0.4; charset=utf-8"))
            .WithName("get_metrics").WithTags("Monitoring");
    }

    /// <summary>200 when store and embedder work, else 500; says which embedder it is.</summary>
    internal static async Task<IResult> HealthAsync(
        IDocumentStore store, EmbeddingService embeddings, CancellationToken cancellationToken)
    {
        var problem = await store.ProbeAsync(cancellationToken) ?? embeddings.Problem;
        if (problem is not null)
        {
            return RagExceptionHandler.Detail(StatusCodes.Status500InternalServerError, problem);
        }

        var embedder = embeddings.Ready is { } ready
            ? new EmbedderHealth(ready.Name, ready.Dimensions, ready.StandsInFor)
            : null;
        return TypedResults.Json(
            new HealthAnswer("Healthy", null, store.Kind, embedder), ServiceJson.Default.HealthAnswer);
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

/// <param name="Status">Upstream's word.</param>
/// <param name="Detail">Null while healthy.</param>
/// <param name="Store">What keeps the documents.</param>
/// <param name="Embedder">What makes the vectors; null until it has been made.</param>
internal sealed record HealthAnswer(string Status, string? Detail, string Store, EmbedderHealth? Embedder);

/// <param name="Name">Of the model, or of the built-in way.</param>
/// <param name="Dimensions">Numbers of one vector.</param>
/// <param name="StandsInFor">The model that was asked for and is not here.</param>
internal sealed record EmbedderHealth(string Name, int Dimensions, string? StandsInFor);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(HealthAnswer))]
internal sealed partial class ServiceJson : JsonSerializerContext;
