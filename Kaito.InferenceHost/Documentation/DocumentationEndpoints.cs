using Kaito.InferenceHost.Http;

namespace Kaito.InferenceHost.Documentation;

/// <summary><c>GET /openapi.json</c>, and <c>GET /docs</c> (or <c>/redoc</c>): a page that shows it.</summary>
internal static class DocumentationEndpoints
{
    public static void MapDocumentation(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/openapi.json", static (EndpointDataSource endpoints) => TypedResults.Text(
            ApiDocument.Render(endpoints.Endpoints, ServiceEndpoints.ServerVersion).ToJsonString(), "application/json"))
            .ExcludeFromDescription();
        foreach (var path in new[] { "/docs", "/redoc" })
        {
            routes.MapGet(path, static (HttpContext http) =>
                EmbeddedPage.Send(http, "Documentation.docs.html", "text/html; charset=utf-8")).ExcludeFromDescription();
        }

        routes.MapGet("/docs.js", static (HttpContext http) =>
            EmbeddedPage.Send(http, "Documentation.docs.js", "text/javascript; charset=utf-8")).ExcludeFromDescription();
    }
}
