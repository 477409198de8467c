using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Polly;

namespace Kaito.RagEngine.Embedding;

/// <summary>
/// Asks a service for vectors: by OpenAI's protocol in batches, or by upstream's <c>{"inputs": "text"}</c>, one text a
/// call. Vectors get length 1. Thread-safe.
/// </summary>
internal sealed class RemoteEmbeddings(EmbeddingSource.Remote source, HttpClient http, ResiliencePipeline pipeline)
    : IEmbeddingGenerator<string, Embedding<float>>
{
    private const int BatchTexts = 64;
    private const int MostCalls = 8;

    public async Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
        IEnumerable<string> values,
        EmbeddingGenerationOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        var batches = values.Chunk(source.Dialect == EmbeddingDialect.OpenAI ? BatchTexts : 1).ToArray();
        var answers = new List<float[]>[batches.Length];
        await Parallel.ForAsync(
            0, batches.Length,
            new ParallelOptions { MaxDegreeOfParallelism = MostCalls, CancellationToken = cancellationToken },
            async (at, token) => answers[at] = await AskAsync(batches[at], token));
        return [.. answers.SelectMany(static a => a).Select(static v => new Embedding<float>(v))];
    }

    public object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceKey is null && serviceType.IsInstanceOfType(this) ? this : null;

    public void Dispose()
    {
    }

    private async Task<List<float[]>> AskAsync(string[] texts, CancellationToken cancellationToken)
    {
        try
        {
            var body = await pipeline.ExecuteAsync(token => PostAsync(texts, token), cancellationToken);
            var vectors = RemoteVectors.Read(body, source.Dialect);
            return vectors.Count == texts.Length
                ? vectors
                : throw new EmbeddingException(
                    $"{source.Url} answered {texts.Length} texts with {vectors.Count} vectors; check that it speaks the "
                    + $"dialect {source.Dialect} (REMOTE_EMBEDDING_DIALECT).");
        }
        catch (Exception failure) when (failure is HttpRequestException or JsonException or TaskCanceledException
            && !cancellationToken.IsCancellationRequested)
        {
            throw new EmbeddingException($"Failed to get embedding from remote model: {failure.Message}", failure);
        }
    }

    private async ValueTask<byte[]> PostAsync(string[] texts, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, source.Url)
        {
            Content = new ByteArrayContent(RemoteVectors.Write(texts, source))
            {
                Headers = { ContentType = new MediaTypeHeaderValue("application/json") },
            },
        };
        request.Headers.Authorization = new("Bearer", source.Key);
        using var response = await http.SendAsync(request, cancellationToken);
        var body = await response.Content.ReadAsByteArrayAsync(cancellationToken);
        return response.IsSuccessStatusCode
            ? body
            : throw new HttpRequestException(
                $"{(int)response.StatusCode} from {source.Url}: {Short(body)}", null, response.StatusCode);
    }

    private static string Short(byte[] body) =>
        System.Text.Encoding.UTF8.GetString(body.AsSpan(0, Math.Min(body.Length, 300)));
}
