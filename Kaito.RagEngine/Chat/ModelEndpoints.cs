using System.Runtime.InteropServices;
using System.Text.Json;
using Kaito.RagEngine.Chunking;
using Kaito.RagEngine.Embedding;
using Kaito.RagEngine.Http;

namespace Kaito.RagEngine.Chat;

/// <summary>The rest of OpenAI's protocol that applications ask of an endpoint: its models, and vectors of texts.</summary>
internal static class ModelEndpoints
{
    private const int MostTexts = 2048;

    public static void MapModels(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/models", ModelsAsync).WithName("list_models").WithTags("Chat");
        routes.MapPost("/v1/embeddings", EmbeddingsAsync).WithName("create_embeddings").WithTags("Embeddings");
    }

    internal static async Task<IResult> ModelsAsync(
        HttpContext http, ModelClient model, EmbeddingService embeddings, TimeProvider clock)
    {
        string?[] names = [await model.NameAsync(http.RequestAborted), embeddings.Ready?.Name];
        return RagResults.Json(json =>
        {
            json.WriteStartObject();
            json.WriteString("object", "list");
            json.WriteStartArray("data");
            foreach (var name in names.OfType<string>())
            {
                json.WriteStartObject();
                json.WriteString("id", name);
                json.WriteString("object", "model");
                json.WriteNumber("created", clock.GetUtcNow().ToUnixTimeSeconds());
                json.WriteString("owned_by", "kaito");
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    internal static async Task<IResult> EmbeddingsAsync(HttpContext http, EmbeddingService embeddings)
    {
        using var body = await RequestBody.ReadAsync(http, model: true);
        var found = new List<Problem>();
        var texts = Texts(body.RootElement, found);
        var format = new Fields(body.RootElement, ["body"], found).Text("encoding_format", "float", nullable: true);
        if (found.Count > 0)
        {
            throw new BodyException(found);
        }

        if (texts.Count is 0 or > MostTexts || format is not (null or "float" or "base64"))
        {
            throw RagException.Invalid(
                $"{texts.Count} inputs in the format {format}; send 1 to {MostTexts} texts, in the format float or base64.");
        }

        try
        {
            var embedder = await embeddings.GetAsync(http.RequestAborted);
            var vectors = await embeddings.PassagesAsync(texts, http.RequestAborted);
            return RagResults.Json(json => Write(json, embedder.Name, texts, vectors, format == "base64"));
        }
        catch (EmbeddingException failure)
        {
            throw new RagException(StatusCodes.Status500InternalServerError, failure.Message, failure);
        }
    }

    private static List<string> Texts(JsonElement body, List<Problem> found)
    {
        if (!body.TryGetProperty("input", out var input))
        {
            found.Add(new("missing", ["body", "input"], "Field required", body.GetRawText()));
            return [];
        }

        return input.ValueKind == JsonValueKind.Array
            ? [.. input.EnumerateArray().Select((text, at) => Fields.TextOf(text, ["body", "input", at], found))]
            : [Fields.TextOf(input, ["body", "input"], found)];
    }

    private static void Write(
        Utf8JsonWriter json, string model, List<string> texts, List<ReadOnlyMemory<float>> vectors, bool packed)
    {
        json.WriteStartObject();
        json.WriteString("object", "list");
        json.WriteStartArray("data");
        for (var at = 0; at < vectors.Count; at++)
        {
            json.WriteStartObject();
            json.WriteString("object", "embedding");
            json.WriteNumber("index", at);
            json.WritePropertyName("embedding");
            Write(json, vectors[at].Span, packed);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString("model", model);
        var tokens = texts.Sum(static text => TokenCount.Of(text));
        json.WriteStartObject("usage");
        json.WriteNumber("prompt_tokens", tokens);
        json.WriteNumber("total_tokens", tokens);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, ReadOnlySpan<float> vector, bool packed)
    {
        if (packed)
        {
            json.WriteBase64StringValue(MemoryMarshal.AsBytes(vector));
            return;
        }

        json.WriteStartArray();
        foreach (var number in vector)
        {
            json.WriteNumberValue(number);
        }

        json.WriteEndArray();
    }
}
