using System.Globalization;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;
using Microsoft.AspNetCore.Http.Features;

namespace Kaito.DevCluster.Api;

/// <summary>Container logs, and requests handed on to Services and pods as they are, streams included.</summary>
internal sealed class PassThrough(
    IPodLogs logs, IServiceEndpoints endpoints, IClusterStore store, TimeProvider clock) : IDisposable
{
    private static readonly string[] s_hop =
        ["Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade", "TE", "Trailer", "Host", "Authorization"];

    private readonly HttpMessageInvoker _client = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        ConnectTimeout = TimeSpan.FromSeconds(10),
    });

    public Task HandleAsync(HttpContext http, ApiPath path) => (path.Type.Plural, path.Subresource) switch
    {
        ("pods", "log") => LogAsync(http, path),
        ("pods" or "services", "proxy") => ProxyAsync(http, path),
        _ => throw ApiStatusException.NoSuchPath(),
    };

    public void Dispose() => _client.Dispose();

    private async Task LogAsync(HttpContext http, ApiPath path)
    {
        var pod = store.Get(path.Key) ?? throw ApiStatusException.NotFound(path.Resource, path.Name!);
        var request = LogRequest(http.Request.Query, path, pod);
        await using var chunks = logs.ReadAsync(request, http.RequestAborted).GetAsyncEnumerator(http.RequestAborted);
        try
        {
            // The first step refuses what cannot be read, while the status can still change.
            var more = await chunks.MoveNextAsync();
            http.Response.ContentType = "text/plain";
            await http.Response.StartAsync(http.RequestAborted);
            while (more)
            {
                await http.Response.Body.WriteAsync(chunks.Current, http.RequestAborted);
                await http.Response.Body.FlushAsync(http.RequestAborted);
                more = await chunks.MoveNextAsync();
            }
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The reader left.
        }
    }

    private PodLogRequest LogRequest(IQueryCollection query, ApiPath path, JsonObject pod)
    {
        string[] names = [.. Names(pod["spec"]?["containers"]), .. Names(pod["spec"]?["initContainers"])];
        var container = query["container"].ToString();
        if (container.Length > 0 && !names.Contains(container))
        {
            throw ApiStatusException.BadRequest(
                $"container {container} is not valid for pod {path.Name}: choose one of: {string.Join(", ", names)}");
        }

        long? Number(string name) =>
            long.TryParse(query[name], CultureInfo.InvariantCulture, out var value) && value >= 0 ? value : null;
        var since = Number("sinceSeconds") is { } seconds
            ? clock.GetUtcNow().AddSeconds(-Math.Min(seconds, int.MaxValue))
            : DateTimeOffset.TryParse(query["sinceTime"], CultureInfo.InvariantCulture, out var at)
                ? at : (DateTimeOffset?)null;
        return new(
            path.Namespace!,
            path.Name!,
            container.Length > 0 ? container : names.FirstOrDefault(),
            query["follow"] == "true",
            query["previous"] == "true",
            Number("tailLines") is { } lines ? (int)Math.Min(lines, int.MaxValue) : null,
            query["timestamps"] == "true",
            since,
            Number("limitBytes"));
    }

    private static IEnumerable<string> Names(JsonNode? containers) => (containers as JsonArray ?? [])
        .Select(static container => container?["name"]?.ToString() ?? "");

    private async Task ProxyAsync(HttpContext http, ApiPath path)
    {
        var target = Target(path);
        using var request = new HttpRequestMessage(
            new(http.Request.Method), new Uri(target, Rest(http)));
        if (http.Request.ContentLength > 0 || http.Request.Headers.TransferEncoding.Count > 0)
        {
            request.Content = new StreamContent(http.Request.Body);
        }

        foreach (var (name, value) in http.Request.Headers.Where(static header => !s_hop.Contains(header.Key)))
        {
            if (!request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)value))
            {
                request.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)value);
            }
        }

        try
        {
            using var answer = await _client.SendAsync(request, http.RequestAborted);
            await CopyAsync(http, answer);
        }
        catch (HttpRequestException failed) when (!http.Response.HasStarted)
        {
            throw new ApiStatusException(new(
                503, "ServiceUnavailable", $"error trying to reach {path.Resource} \"{path.Name}\" at {target}: {failed.Message}"));
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client left.
        }
    }

    // What stands behind the first "/proxy", as the client wrote it: escapes, doubled and trailing slashes stay.
    private static string Rest(HttpContext http)
    {
        var raw = http.Features.Get<IHttpRequestFeature>()!.RawTarget;
        var at = raw.IndexOf("/proxy", StringComparison.Ordinal) + "/proxy".Length;
        return "/" + (at <= raw.Length ? raw[at..] : "").TrimStart('/');
    }

    private Uri Target(ApiPath path)
    {
        // "name", "name:port" or "scheme:name:port".
        var parts = path.Name!.Split(':');
        var (name, port) = parts.Length switch
        {
            1 => (parts[0], null),
            2 => (parts[0], parts[1]),
            _ => (parts[1], parts[2]),
        };
        var wanted = string.IsNullOrEmpty(port) ? null : port;
        if (store.Get(path.Key with { Name = name }) is null)
        {
            throw ApiStatusException.NotFound(path.Resource, name);
        }

        var found = path.Type.Plural == "services"
            ? endpoints.FindService(path.Namespace!, name, wanted)
            : endpoints.FindPod(path.Namespace!, name, wanted);
        return found ?? throw new ApiStatusException(
            new(503, "ServiceUnavailable", $"no endpoints available for {path.Type.Singular} \"{path.Name}\""));
    }

    private static async Task CopyAsync(HttpContext http, HttpResponseMessage answer)
    {
        http.Response.StatusCode = (int)answer.StatusCode;
        foreach (var (name, values) in answer.Headers.Concat(answer.Content.Headers).Where(static h => !s_hop.Contains(h.Key)))
        {
            http.Response.Headers[name] = values.ToArray();
        }

        await using var body = await answer.Content.ReadAsStreamAsync(http.RequestAborted);
        var buffer = new byte[16 << 10];
        int read;
        while ((read = await body.ReadAsync(buffer, http.RequestAborted)) > 0)
        {
            await http.Response.Body.WriteAsync(buffer.AsMemory(0, read), http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
        }
    }
}
