using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Kaito.InferenceHost.Playground;

/// <summary>
/// <c>GET /</c>: a page to chat with the model for browsers, and for everybody else the message of KAITO's first runtimes.
/// </summary>
internal static class PlaygroundEndpoint
{
    // The page's own script may talk to this server, and nothing else is loaded or reached.
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    public static void MapPlayground(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/", static IResult (HttpContext http) => WantsPage(http.Request)
            ? Resource(http, "index.html", "text/html; charset=utf-8")
            : TypedResults.Json(new("Server is running"), PlaygroundJson.Default.ServerMessage));
        routes.MapGet(
            "/playground.js",
            static (HttpContext http) => Resource(http, "playground.js", "text/javascript; charset=utf-8"));
    }

    private static bool WantsPage(HttpRequest request) =>
        request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase);

    private static FileStreamHttpResult Resource(HttpContext http, string name, string type)
    {
        http.Response.Headers.ContentSecurityPolicy = Policy;
        http.Response.Headers.XContentTypeOptions = "nosniff";
        http.Response.Headers["Referrer-Policy"] = "no-referrer";
        http.Response.Headers.Vary = "Accept";
        var stream = typeof(PlaygroundEndpoint).Assembly.GetManifestResourceStream($"Kaito.InferenceHost.Playground.{name}");
        return TypedResults.Stream(stream!, type);
    }
}

internal sealed record ServerMessage(string Message);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ServerMessage))]
internal sealed partial class PlaygroundJson : JsonSerializerContext;
