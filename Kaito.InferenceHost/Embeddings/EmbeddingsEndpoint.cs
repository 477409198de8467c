using Kaito.Embeddings;
using Kaito.InferenceHost.Generation;
using Kaito.InferenceHost.Http;
using Kaito.OpenAI;

namespace Kaito.InferenceHost.Embeddings;

/// <summary><c>POST /v1/embeddings</c>: parse, embed, shape.</summary>
internal static class EmbeddingsEndpoint
{
    public static void MapEmbeddings(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/v1/embeddings", HandleAsync).WithName("CreateEmbedding").WithTags("Embeddings");

    internal static async Task<IResult> HandleAsync(
        HttpContext http, GenerationScheduler scheduler, InferenceMetrics metrics, TimeProvider clock)
    {
        if (scheduler.Model is not { } served)
        {
            return OpenAIResults.Unavailable(http, scheduler.State);
        }

        if (served.Embeddings is not { } model)
        {
            return OpenAIResults.WrongKind("Embeddings API");
        }

        var arrived = clock.GetTimestamp();
        var wire = await RequestBody.ReadAsync(http, OpenAIJson.Default.EmbeddingRequest);
        if (wire.Model is { Length: > 0 } name && name != served.Name)
        {
            return OpenAIResults.UnknownModel(name, served.Name);
        }

        if (!EmbeddingRequestParser.Parse(wire, served, model).TryGet(out var call, out var errors))
        {
            return OpenAIResults.Invalid(errors);
        }

        if (!model.Embedder.TryEmbed(call.Texts, http.RequestAborted, out var answer))
        {
            return OpenAIResults.Unavailable(http, scheduler.State);
        }

        using var watched = metrics.Embed(call.Texts, arrived);
        try
        {
            var vectors = await answer.WaitAsync(http.RequestAborted);
            watched.Succeed();
            return TypedResults.Json(
                Whole(call, vectors, CallId.Create("embd-", http), served.Name, clock),
                OpenAIJson.Default.EmbeddingList);
        }
        catch (EncoderException failure)
        {
            watched.Fail();
            return OpenAIResults.Failed(failure.Message);
        }
    }

    private static EmbeddingList Whole(
        EmbeddingCall call, float[][] vectors, string id, string model, TimeProvider clock)
    {
        var tokens = call.Texts.Sum(static text => text.Length);
        return new(
            id,
            clock.GetUtcNow().ToUnixTimeSeconds(),
            model,
            [
                .. vectors.Select((vector, index) => new EmbeddingItem(
                    index, new(Vectors.Shape(vector, call.Width, call.Normalize), call.Base64))),
            ],
            new(tokens, tokens, 0));
    }
}
