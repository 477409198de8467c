using System.Globalization;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;
using Kaito.DevCluster.Tables;

namespace Kaito.DevCluster.Api;

/// <summary>The watch verb: one JSON document a line until the client or the time limit ends it.</summary>
internal static class WatchStream
{
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(30);
    private static readonly TimeSpan s_bookmarkEvery = TimeSpan.FromSeconds(30);

    public static async Task RunAsync(HttpContext http, ApiPath path, IClusterStore store, ObjectSelector selector)
    {
        var query = http.Request.Query;
        var seconds = long.TryParse(query["timeoutSeconds"], CultureInfo.InvariantCulture, out var asked) && asked > 0
            ? Math.Min(asked, (long)s_longest.TotalSeconds)
            : (long)s_longest.TotalSeconds;
        var clock = http.RequestServices.GetRequiredService<TimeProvider>();
        var stopping = http.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(seconds), clock);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, http.RequestAborted, stopping);

        var request = Request(http, path, selector);
        http.Response.ContentType = "application/json;stream=watch";
        await http.Response.StartAsync(end.Token);
        await http.Response.Body.FlushAsync(end.Token);
        try
        {
            await foreach (var change in store.WatchAsync(request, end.Token))
            {
                await SendAsync(http, Line(http, path, change), end.Token);
            }
        }
        catch (ApiStatusException expired)
        {
            var line = new JsonObject { ["type"] = "ERROR", ["object"] = expired.Status.ToJson() };
            await SendAsync(http, line, http.RequestAborted);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The client left, the time is up or the cluster stops: the stream simply ends.
        }
    }

    private static WatchRequest Request(HttpContext http, ApiPath path, ObjectSelector selector)
    {
        var query = http.Request.Query;
        var bookmarks = query["allowWatchBookmarks"] == "true";
        var version = query["resourceVersion"].ToString();
        if (!long.TryParse(
            version.Length == 0 ? "0" : version, NumberStyles.None, CultureInfo.InvariantCulture, out var from))
        {
            throw ApiStatusException.BadRequest($"resourceVersion: \"{version}\" is not a number this server gave out");
        }

        var initial = query["sendInitialEvents"] == "true";
        return new(path.Resource)
        {
            Namespace = path.Namespace,
            Selector = selector,
            FromResourceVersion = initial ? 0 : from,
            BookmarkEvery = bookmarks ? s_bookmarkEvery : null,
            BookmarkInitialEvents = initial && bookmarks,
        };
    }

    private static JsonObject Line(HttpContext http, ApiPath path, WatchEvent change)
    {
        var line = new JsonObject { ["type"] = change.Type.ToString().ToUpperInvariant() };
        if (change.Type == WatchEventType.Bookmark)
        {
            var meta = new JsonObject
            {
                ["resourceVersion"] = change.ResourceVersion.ToString(CultureInfo.InvariantCulture),
                ["creationTimestamp"] = null,
            };
            if (http.Request.Query["sendInitialEvents"] == "true")
            {
                meta["annotations"] = new JsonObject { ["k8s.io/initial-events-end"] = "true" };
            }

            line["object"] = new JsonObject
            {
                ["kind"] = path.Type.Kind,
                ["apiVersion"] = path.ApiVersion,
                ["metadata"] = meta,
            };
            return line;
        }

        ApiAnswers.SetVersion(path, change.Object);
        line["object"] = ApiAnswers.WantsTable(http.Request)
            ? TableRender.Table(path.Type, path.Version, [change.Object], ApiAnswers.Rows(http))
            : ApiAnswers.WantsMetadata(http.Request) ? TableRender.Metadata(change.Object) : change.Object;
        return line;
    }

    private static async Task SendAsync(HttpContext http, JsonObject line, CancellationToken cancellationToken)
    {
        await http.Response.WriteAsync(line.ToJsonString() + "\n", cancellationToken);
        await http.Response.Body.FlushAsync(cancellationToken);
    }
}
