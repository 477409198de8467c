using System.Text.Json.Nodes;
using Kaito.DevCluster.OpenApi;
using Kaito.DevCluster.Schemas;
using Kaito.DevCluster.Storage;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Kaito.DevCluster.Api;

/// <summary>Everything that is not a resource: health, version, discovery; and the way to the resources.</summary>
internal static partial class RootEndpoints
{
    private static readonly string[] s_health = ["/healthz", "/readyz", "/livez"];

    public static void MapKubernetesApi(this WebApplication app)
    {
        app.Use(RefuseAsync);
        app.Use(AuthorizeAsync);
        foreach (var path in s_health)
        {
            app.MapGet(path, Health);
        }

        var catalog = app.Services.GetRequiredService<ResourceCatalog>();
        app.MapGet("/version", static http => ApiAnswers.WriteAsync(http, Version()));
        app.MapGet("/", static http => ApiAnswers.WriteAsync(http, new JsonObject
        {
            ["paths"] = new JsonArray("/api", "/apis", "/healthz", "/livez", "/readyz", "/version"),
        }));
        app.MapGet("/api", static http => ApiAnswers.WriteAsync(
            http, Discovery.CoreVersions(http.Request.Host.ToString())));
        app.MapGet("/api/v1", http => WriteAsync(http, Discovery.Resources(catalog, "", "v1")));
        app.MapGet("/apis", http => ApiAnswers.WriteAsync(http, Discovery.Groups(catalog)));
        app.MapGet("/apis/{group}", (HttpContext http, string group) =>
            WriteAsync(http, Discovery.Group(catalog, group)));
        app.MapGet("/apis/{group}/{version}", (HttpContext http, string group, string version) =>
            WriteAsync(http, Discovery.Resources(catalog, group, version)));

        app.MapGet("/openapi/v3", http => ApiAnswers.WriteAsync(http, OpenApiDocuments.Index(catalog)));
        app.MapGet("/openapi/v3/api/v1", http => WriteAsync(http, OpenApiDocuments.Document(catalog, "", "v1")));
        app.MapGet("/openapi/v3/apis/{group}/{version}", (HttpContext http, string group, string version) =>
            WriteAsync(http, OpenApiDocuments.Document(catalog, group, version)));

        var resources = app.Services.GetRequiredService<ResourceEndpoints>();
        app.Map("/api/v1/{**rest}", resources.HandleAsync);
        app.Map("/apis/{group}/{version}/{**rest}", resources.HandleAsync);
        app.MapFallback(static _ => throw ApiStatusException.NoSuchPath());
    }

    // Who waits for health reads the kubeconfig next; an earlier run's may still lie there.
    private static ContentHttpResult Health(KubeconfigFile kubeconfig) => kubeconfig.Written
        ? TypedResults.Text("ok")
        : TypedResults.Text("the kubeconfig is not written yet", statusCode: StatusCodes.Status503ServiceUnavailable);

    private static Task WriteAsync(HttpContext http, JsonObject? document) =>
        ApiAnswers.WriteAsync(http, document ?? throw ApiStatusException.NoSuchPath());

    private static JsonObject Version() => new()
    {
        ["major"] = "1",
        ["minor"] = "32",
        ["gitVersion"] = "v1.32.0+kaito-devcluster",
        ["gitCommit"] = "",
        ["gitTreeState"] = "clean",
        ["buildDate"] = "1970-01-01T00:00:00Z",
        ["goVersion"] = "",
        ["compiler"] = "dotnet",
        ["platform"] = "linux/amd64",
    };

    private static async Task RefuseAsync(HttpContext http, RequestDelegate next)
    {
        try
        {
            await next(http);
        }
        catch (ApiStatusException refused)
        {
            await ApiAnswers.RefuseAsync(http, refused.Status);
        }
        catch (BadHttpRequestException broken)
        {
            await ApiAnswers.RefuseAsync(http, ApiStatusException.BadRequest(broken.Message).Status);
        }
        catch (Exception misshapen) when (misshapen is InvalidOperationException or InvalidCastException)
        {
            // Members of built-in kinds are read without a schema: a text where an object belongs ends up here.
            await ApiAnswers.RefuseAsync(http, ApiStatusException.BadRequest(
                $"a member of the object does not have the type that its kind gives it: {misshapen.Message}").Status);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client left before the answer.
        }
        catch (Exception failure) when (!http.RequestAborted.IsCancellationRequested)
        {
            LogFailed(http.RequestServices.GetRequiredService<ILogger<ResourceEndpoints>>(), failure,
                http.Request.Method, http.Request.Path);
            await ApiAnswers.RefuseAsync(http, new(500, "InternalError", $"the dev cluster failed: {failure.Message}"));
        }
    }

    [LoggerMessage(LogLevel.Error, "{Method} {Path} failed, which is a fault of the dev cluster")]
    private static partial void LogFailed(ILogger logger, Exception failure, string method, string path);

    private static Task AuthorizeAsync(HttpContext http, RequestDelegate next)
    {
        var access = http.RequestServices.GetRequiredService<ClusterAccess>();
        return s_health.Contains(http.Request.Path.Value) || access.Allows(http.Request.Headers.Authorization)
            ? next(http)
            : ApiAnswers.RefuseAsync(http, new(401, "Unauthorized", "Unauthorized"));
    }
}
