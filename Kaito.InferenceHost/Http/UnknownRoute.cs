using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http.Metadata;

namespace Kaito.InferenceHost.Http;

/// <summary>Answers what no route takes: which routes there are, or which methods this one has.</summary>
internal static class UnknownRoute
{
    public static Task AnswerAsync(StatusCodeContext context)
    {
        var http = context.HttpContext;
        var asked = $"{http.Request.Method} {http.Request.Path}";
        return http.Response.StatusCode switch
        {
            StatusCodes.Status404NotFound => OpenAIResults.Error(
                StatusCodes.Status404NotFound, "Not Found",
                $"There is no route {asked}. This server has {Routes(http)}.").ExecuteAsync(http),
            StatusCodes.Status405MethodNotAllowed => OpenAIResults.Error(
                StatusCodes.Status405MethodNotAllowed, "Method Not Allowed",
                $"There is no route {asked}; send {http.Response.Headers.Allow}.").ExecuteAsync(http),
            _ => Task.CompletedTask,
        };
    }

    private static string Routes(HttpContext http) => string.Join(
        ", ",
        http.RequestServices.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(static route => route.Metadata.GetMetadata<ITagsMetadata>() is not null)
            .Select(Documentation.ApiDocument.Path).Distinct().Order(StringComparer.Ordinal));
}
