using System.Text.Json.Serialization;
using Kaito.InferenceHost.Http;

namespace Kaito.InferenceHost.Playground;

/// <summary>
/// <c>GET /</c>: a page to chat with the model for browsers, and for everybody else the message of KAITO's first runtimes.
/// </summary>
internal static class PlaygroundEndpoint
{
    public static void MapPlayground(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/", static IResult (HttpContext http) => WantsPage(http.Request)
            ? EmbeddedPage.Send(http, "Playground.index.html", "text/html; charset=utf-8")
            : TypedResults.Json(new("Server is running"), PlaygroundJson.Default.ServerMessage))
            .ExcludeFromDescription();
        routes.MapGet(
            "/playground.js",
            static (HttpContext http) =>
                EmbeddedPage.Send(http, "Playground.playground.js", "text/javascript; charset=utf-8"))
            .ExcludeFromDescription();
    }

    private static bool WantsPage(HttpRequest request) =>
        request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase);
}

internal sealed record ServerMessage(string Message);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ServerMessage))]
internal sealed partial class PlaygroundJson : JsonSerializerContext;
