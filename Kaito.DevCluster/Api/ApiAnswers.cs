using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;
using Kaito.DevCluster.Tables;

namespace Kaito.DevCluster.Api;

/// <summary>Writes objects, lists and refusals in the form that the client asked for.</summary>
internal static class ApiAnswers
{
    /// <summary>True when the client takes a meta.k8s.io Table, as <c>kubectl get</c> does.</summary>
    public static bool WantsTable(HttpRequest request) =>
        request.Headers.Accept.Any(static accept => accept?.Contains("as=Table", StringComparison.Ordinal) == true);

    public static bool WantsMetadata(HttpRequest request) => request.Headers.Accept.Any(
        static accept => accept?.Contains("as=PartialObjectMetadata", StringComparison.Ordinal) == true);

    public static Task WriteAsync(HttpContext http, JsonNode body, int status = 200)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        return http.Response.WriteAsync(body.ToJsonString(), Encoding.UTF8, http.RequestAborted);
    }

    public static Task RefuseAsync(HttpContext http, ApiStatus status)
    {
        if (http.Response.HasStarted)
        {
            http.Abort();
            return Task.CompletedTask;
        }

        if (status.RetryAfterSeconds is { } seconds)
        {
            http.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        }

        return WriteAsync(http, status.ToJson(), status.Code);
    }

    public static Task WriteObjectAsync(HttpContext http, ApiPath path, JsonObject value, int status = 200)
    {
        SetVersion(path, value);
        if (WantsTable(http.Request) && HttpMethods.IsGet(http.Request.Method))
        {
            return WriteAsync(http, TableRender.Table(path.Type, path.Version, [value], Rows(http)), status);
        }

        return WriteAsync(http, WantsMetadata(http.Request) ? TableRender.Metadata(value) : value, status);
    }

    public static Task WriteListAsync(HttpContext http, ApiPath path, ListPage page)
    {
        var list = page.Items;
        foreach (var item in list.Items)
        {
            SetVersion(path, item);
        }

        if (WantsTable(http.Request))
        {
            var table = TableRender.Table(path.Type, path.Version, list.Items, Rows(http));
            table["metadata"] = ListMeta(page);
            return WriteAsync(http, table);
        }

        var partial = WantsMetadata(http.Request);
        return WriteAsync(http, new JsonObject
        {
            ["kind"] = partial ? "PartialObjectMetadataList" : path.Type.ListKind,
            ["apiVersion"] = partial ? "meta.k8s.io/v1" : path.ApiVersion,
            ["metadata"] = ListMeta(page),
            ["items"] = new JsonArray(
                [.. list.Items.Select(item => (JsonNode)(partial ? TableRender.Metadata(item) : item))]),
        });
    }

    private static JsonObject ListMeta(ListPage page)
    {
        var meta = new JsonObject
        {
            ["resourceVersion"] = page.Items.ResourceVersion.ToString(CultureInfo.InvariantCulture),
        };
        if (page.Continue is not null)
        {
            meta["continue"] = page.Continue;
            meta["remainingItemCount"] = page.Remaining;
        }

        return meta;
    }

    /// <summary>
    /// Objects are stored in one version; the strategy between versions is None, so only the name differs. Events are the
    /// exception.
    /// </summary>
    public static void SetVersion(ApiPath path, JsonObject value)
    {
        EventForms.ToShown(path, value);
        value["apiVersion"] = path.ApiVersion;
        value["kind"] = path.Type.Kind;
    }

    public static TableRows Rows(HttpContext http)
    {
        var include = http.Request.Query["includeObject"].ToString();
        var clock = http.RequestServices.GetRequiredService<TimeProvider>();
        return new(include, clock.GetUtcNow());
    }
}
