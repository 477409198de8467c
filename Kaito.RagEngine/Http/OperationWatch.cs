using Kaito.RagEngine.Chunking;
using Kaito.RagEngine.Embedding;
using Kaito.RagEngine.Metrics;
using Kaito.RagEngine.Store;

namespace Kaito.RagEngine.Http;

/// <summary>Counts and times a route, and words its failures.</summary>
internal sealed class OperationWatch(RagMetrics metrics, TimeProvider clock)
{
    private const int AwaySeconds = 5;

    /// <param name="operation">One of <see cref="Operations"/>.</param>
    /// <param name="prefix">Before the text of a failure that is not the client's, such as <c>Retrieve failed: </c>.</param>
    /// <param name="act">Answers the request.</param>
    public async Task<IResult> RunAsync(string operation, string prefix, Func<Task<IResult>> act)
    {
        var started = clock.GetTimestamp();
        try
        {
            var answer = await act();
            metrics.Count(operation, succeeded: true, started);
            return answer;
        }
        catch (Exception failure) when (failure is not BodyException)
        {
            metrics.Count(operation, succeeded: false, started);
            throw Worded(failure, prefix);
        }
    }

    private static Exception Worded(Exception failure, string prefix) => failure switch
    {
        ChunkingException wrong => new RagException(StatusCodes.Status400BadRequest, wrong.Message, wrong),
        StoreException { Full: true } => new RagException(
            StatusCodes.Status507InsufficientStorage, prefix + failure.Message, failure),
        StoreException { Unavailable: true } => new RagException(
            StatusCodes.Status503ServiceUnavailable, prefix + failure.Message, failure)
        {
            RetryAfter = AwaySeconds,
        },
        EmbeddingException or StoreException => new RagException(
            StatusCodes.Status500InternalServerError, prefix + failure.Message, failure),
        _ => failure,
    };
}
