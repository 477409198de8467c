using Kaito.Embeddings;
using Kaito.InferenceHost.Generation;
using Kaito.InferenceHost.Http;
using Kaito.InferenceHost.Models;

namespace Kaito.InferenceHost.Embeddings;

/// <summary>What the endpoints for vectors share: the model is of their kind, its vectors come or an error says why not.</summary>
internal sealed class EmbeddingCalls(GenerationScheduler scheduler, InferenceMetrics metrics, TimeProvider clock)
{
    public long Now => clock.GetTimestamp();

    public long UnixSeconds => clock.GetUtcNow().ToUnixTimeSeconds();

    /// <param name="http">The call.</param>
    /// <param name="served">The loaded model.</param>
    /// <param name="inputs">Token ids of each text.</param>
    /// <param name="arrived">Timestamp of arrival.</param>
    /// <param name="answer">Takes one vector per text.</param>
    public async Task<IResult> EmbedAsync(
        HttpContext http, ServedModel served, int[][] inputs, long arrived, Func<float[][], IResult> answer)
    {
        if (!served.Embeddings!.Embedder.TryEmbed(inputs, http.RequestAborted, out var vectors))
        {
            return OpenAIResults.Unavailable(http, scheduler.State);
        }

        using var watched = metrics.Embed(inputs, arrived);
        using var span = GenerationSpan.StartEmbeddings(served.Name, inputs.Sum(static input => input.Length));
        try
        {
            var found = await vectors.WaitAsync(http.RequestAborted);
            watched.Succeed();
            return answer(found);
        }
        catch (EncoderException failure)
        {
            watched.Fail();
            GenerationSpan.Fail(span, "engine");
            return OpenAIResults.Failed(failure.Message);
        }
    }
}
