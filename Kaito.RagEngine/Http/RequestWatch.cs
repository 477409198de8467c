using Kaito.RagEngine.Metrics;

namespace Kaito.RagEngine.Http;

/// <summary>Counts and times the service's own routes, whatever becomes of them.</summary>
internal sealed class RequestWatch(RequestDelegate next, RagMetrics metrics, TimeProvider clock)
{
    private static readonly string[] s_routes =
        ["/index", "/indexes", "/persist", "/load", "/retrieve", "/v1/chat/completions"];

    public async Task InvokeAsync(HttpContext http)
    {
        var path = http.Request.Path.Value ?? "";
        if (!s_routes.Any(route => path.StartsWith(route, StringComparison.Ordinal)))
        {
            await next(http);
            return;
        }

        var started = clock.GetTimestamp();
        metrics.Running.Add(1);
        try
        {
            await next(http);
        }
        finally
        {
            metrics.Running.Add(-1);

            // Upstream counts every answer as a success; an error of the server is none.
            var status = http.Response.StatusCode < 500 ? "success" : "failure";
            metrics.Requests.Add(status);
            metrics.RequestTime.Record(clock.GetElapsedTime(started).TotalSeconds, status);
        }
    }
}
