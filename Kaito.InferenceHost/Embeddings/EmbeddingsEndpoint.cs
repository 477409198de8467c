using Kaito.Embeddings;
using Kaito.InferenceHost.Generation;
using Kaito.InferenceHost.Http;
using Kaito.InferenceHost.Models;
using Kaito.OpenAI;

namespace Kaito.InferenceHost.Embeddings;

/// <summary><c>POST /v1/embeddings</c>: parse, embed, shape.</summary>
internal static class EmbeddingsEndpoint
{
    public static void MapEmbeddings(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/v1/embeddings", HandleAsync).WithName("CreateEmbedding").WithTags("Embeddings")
            .Takes(OpenAIJson.Default.EmbeddingRequest).Gives(OpenAIJson.Default.EmbeddingList);

    internal static Task<IResult> HandleAsync(HttpContext http, GenerationScheduler scheduler, EmbeddingCalls calls)
    {
        var arrived = calls.Now;
        return ModelCalls.ServeAsync(http, scheduler, OpenAIJson.Default.EmbeddingRequest, AnswerAsync);

        async Task<IResult> AnswerAsync(EmbeddingRequest wire, ServedModel served)
        {
            if (served.Embeddings is not { } model)
            {
                return OpenAIResults.WrongKind("Embeddings API");
            }

            return EmbeddingRequestParser.Parse(wire, served, model).TryGet(out var call, out var errors)
                ? await calls.EmbedAsync(http, served, [.. call.Texts], arrived, vectors => TypedResults.Json(
                    Whole(call, vectors, served.Name, http, calls), OpenAIJson.Default.EmbeddingList))
                : OpenAIResults.Invalid(errors);
        }
    }

    private static EmbeddingList Whole(
        EmbeddingCall call, float[][] vectors, string model, HttpContext http, EmbeddingCalls calls)
    {
        var tokens = call.Texts.Sum(static text => text.Length);
        return new(
            CallId.Create("embd-", http),
            calls.UnixSeconds,
            model,
            [
                .. vectors.Select((vector, index) => new EmbeddingItem(
                    index, new(Vectors.Shape(vector, call.Width, call.Normalize), call.Base64))),
            ],
            new(tokens, tokens, 0));
    }
}
