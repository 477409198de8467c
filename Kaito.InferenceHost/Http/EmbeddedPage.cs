using Microsoft.AspNetCore.Http.HttpResults;

namespace Kaito.InferenceHost.Http;

/// <summary>Sends pages that are part of the assembly.</summary>
internal static class EmbeddedPage
{
    // The page's own script may talk to this server, and nothing else is loaded or reached.
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    /// <param name="http">The call.</param>
    /// <param name="name">Folder and file, with a dot between.</param>
    /// <param name="type">Content type.</param>
    public static FileStreamHttpResult Send(HttpContext http, string name, string type)
    {
        http.Response.Headers.ContentSecurityPolicy = Policy;
        http.Response.Headers.XContentTypeOptions = "nosniff";
        http.Response.Headers["Referrer-Policy"] = "no-referrer";
        http.Response.Headers.Vary = "Accept";
        return TypedResults.Stream(
            typeof(EmbeddedPage).Assembly.GetManifestResourceStream($"Kaito.InferenceHost.{name}")!, type);
    }
}
