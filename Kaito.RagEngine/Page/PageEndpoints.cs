namespace Kaito.RagEngine.Page;

/// <summary>A page to try indexing and retrieval, and the description of the API; nothing is loaded from elsewhere.</summary>
internal static class PageEndpoints
{
    // The page's own script may talk to this server, and nothing else is loaded or reached.
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    public static void MapPage(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/", static http => SendAsync(http, "index.html", "text/html; charset=utf-8"));
        routes.MapGet("/page.js", static http => SendAsync(http, "page.js", "text/javascript; charset=utf-8"));
        routes.MapGet("/openapi.json", static http => SendAsync(http, "openapi.json", "application/json"));
    }

    private static async Task SendAsync(HttpContext http, string name, string type)
    {
        http.Response.Headers.ContentSecurityPolicy = Policy;
        http.Response.Headers.XContentTypeOptions = "nosniff";
        http.Response.Headers["Referrer-Policy"] = "no-referrer";
        http.Response.ContentType = type;
        await using var stream =
            typeof(PageEndpoints).Assembly.GetManifestResourceStream($"Kaito.RagEngine.Page.{name}")!;
        await stream.CopyToAsync(http.Response.Body, http.RequestAborted);
    }
}
