using Kaito.InferenceHost.Generation;
using Kaito.InferenceHost.Http;

namespace Kaito.InferenceHost.Embeddings;

/// <summary>Answers 501 on the routes that generate text while an embedding model is loaded.</summary>
internal sealed class GenerationOnly(RequestDelegate next)
{
    private static readonly (string Path, string Name)[] s_routes =
    [
        ("/v1/chat/completions", "Chat Completions API"), ("/v1/completions", "Completions API"),
        ("/v1/responses", "Responses API"), ("/chat", "Chat API"),
    ];

    public Task InvokeAsync(HttpContext http, GenerationScheduler scheduler)
    {
        if (scheduler.Model?.Embeddings is null || !HttpMethods.IsPost(http.Request.Method))
        {
            return next(http);
        }

        var route = Array.Find(
            s_routes, route => http.Request.Path.Equals(route.Path, StringComparison.OrdinalIgnoreCase));
        return route.Name is { } name ? OpenAIResults.WrongKind(name).ExecuteAsync(http) : next(http);
    }
}
