using System.Collections.Immutable;
using System.Numerics.Tensors;
using Kaito.Core;
using Kaito.InferenceHost.Generation;
using Kaito.InferenceHost.Http;
using Kaito.InferenceHost.Models;
using Kaito.OpenAI;

namespace Kaito.InferenceHost.Embeddings;

/// <summary><c>POST /score</c> and <c>POST /rerank</c>: cosines between vectors of an embedding model.</summary>
internal static class SimilarityEndpoints
{
    private const int MostTexts = 2048;

    public static void MapSimilarity(this IEndpointRouteBuilder routes)
    {
        foreach (var path in new[] { "/score", "/v1/score" })
        {
            routes.MapPost(path, ScoreAsync).WithTags("Embeddings")
                .Takes(OpenAIJson.Default.ScoreRequest).Gives(OpenAIJson.Default.ScoreList);
        }

        foreach (var path in new[] { "/rerank", "/v1/rerank", "/v2/rerank" })
        {
            routes.MapPost(path, RerankAsync).WithTags("Embeddings")
                .Takes(OpenAIJson.Default.RerankRequest).Gives(OpenAIJson.Default.RerankList);
        }
    }

    internal static Task<IResult> ScoreAsync(HttpContext http, GenerationScheduler scheduler, EmbeddingCalls calls)
    {
        var arrived = calls.Now;
        return ModelCalls.ServeAsync(http, scheduler, OpenAIJson.Default.ScoreRequest, async (wire, served) =>
        {
            if (served.Embeddings is null)
            {
                return OpenAIResults.WrongKind("Score API");
            }

            var (left, right) = Sides(wire);
            if (left.Count == 0 || right.Count == 0 || (left.Count != 1 && left.Count != right.Count))
            {
                return OpenAIResults.Invalid(
                [
                    new(
                        "text_1", "count",
                        $"text_1 has {left.Count} texts and text_2 has {right.Count}; give one for all, or as many on "
                        + "both sides."),
                ]);
            }

            return await EmbedAsync(
                new(http, calls, served, arrived), [.. left, .. right], wire.TruncatePromptTokens,
                (vectors, tokens) => TypedResults.Json(
                    new ScoreList(
                        CallId.Create("score-", http), calls.UnixSeconds, served.Name,
                        [
                            .. right.Select((_, at) => new ScoreItem(
                                at, Cosine(vectors[left.Count == 1 ? 0 : at], vectors[left.Count + at]))),
                        ],
                        new(tokens, tokens, 0)),
                    OpenAIJson.Default.ScoreList));
        });
    }

    private static (IReadOnlyList<string> Left, IReadOnlyList<string> Right) Sides(ScoreRequest wire) => (
        wire.Text1 ?? wire.Queries ?? wire.Data1 ?? [],
        wire.Text2 ?? wire.Documents ?? wire.Data2 ?? []);

    internal static Task<IResult> RerankAsync(HttpContext http, GenerationScheduler scheduler, EmbeddingCalls calls)
    {
        var arrived = calls.Now;
        return ModelCalls.ServeAsync(http, scheduler, OpenAIJson.Default.RerankRequest, async (wire, served) =>
        {
            if (served.Embeddings is null)
            {
                return OpenAIResults.WrongKind("Rerank (Score) API");
            }

            if (wire.Query is not { } query || wire.Documents is not { Count: > 0 } documents)
            {
                var missing = wire.Query is null ? "query" : "documents";
                return OpenAIResults.Invalid(
                    [new(missing, "missing", $"{missing} is missing; give a query and a list of documents.")]);
            }

            if (wire.TopN < 0)
            {
                return OpenAIResults.Invalid(
                    [new("top_n", "out-of-range", $"top_n is {wire.TopN}; give 0 for all, or how many to return.")]);
            }

            return await EmbedAsync(
                new(http, calls, served, arrived), [query, .. documents], wire.TruncatePromptTokens,
                (vectors, tokens) => TypedResults.Json(
                    new RerankList(
                        CallId.Create("rerank-", http), served.Name, new(tokens),
                        [.. Ranked(documents, vectors).Take(wire.TopN is > 0 and var most ? most : documents.Count)]),
                    OpenAIJson.Default.RerankList));
        });
    }

    private static IEnumerable<RerankResult> Ranked(IReadOnlyList<string> documents, float[][] vectors) => documents
        .Select((text, at) => new RerankResult(at, new(text), Cosine(vectors[0], vectors[at + 1])))
        .OrderByDescending(static result => result.RelevanceScore);

    private static async Task<IResult> EmbedAsync(
        Asked asked, string[] texts, int? truncate, Func<float[][], int, IResult> answer) =>
        Encode(texts, truncate, asked.Served).TryGet(out var inputs, out var errors)
            ? await asked.Calls.EmbedAsync(
                asked.Http, asked.Served, inputs, asked.Arrived,
                vectors => answer(vectors, inputs.Sum(static input => input.Length)))
            : OpenAIResults.Invalid(errors);

    private static Validated<int[][]> Encode(string[] texts, int? truncate, ServedModel served)
    {
        var found = ImmutableArray.CreateBuilder<FieldError>();
        var model = served.Embeddings!;
        var most = EmbeddingRequestParser.MostTokens(truncate, model, found);
        if (texts.Length > MostTexts)
        {
            found.Add(new("documents", "count", $"The request holds {texts.Length} texts; send at most {MostTexts}."));
            return found.ToImmutable();
        }

        int[][] inputs =
        [
            .. texts.Select(text =>
                EmbeddingRequestParser.Encode(text, model, most, addSpecialTokens: true, "documents", found)),
        ];
        return found.Count > 0 ? found.ToImmutable() : inputs;
    }

    // A vector of zeros is like nothing.
    private static float Cosine(float[] left, float[] right) =>
        TensorPrimitives.CosineSimilarity<float>(left, right) is var cosine && float.IsFinite(cosine) ? cosine : 0;

    private sealed record Asked(HttpContext Http, EmbeddingCalls Calls, ServedModel Served, long Arrived);
}
