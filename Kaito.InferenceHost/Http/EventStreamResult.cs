using System.Text.Json.Serialization.Metadata;
using Kaito.InferenceHost.Generation;
using Kaito.OpenAI;

namespace Kaito.InferenceHost.Http;

/// <summary>How one endpoint words its chunks.</summary>
/// <param name="Open">
/// The first chunk of a choice, with what the model expected of its prompt where that was asked for;
/// <see langword="null"/> when the protocol has none.
/// </param>
/// <param name="Text">The chunks that text adds.</param>
/// <param name="Close">The last chunks of a choice.</param>
/// <param name="Count">The chunk that only carries usage.</param>
/// <param name="WithUsage">The same chunk with usage so far.</param>
internal sealed record ChunkShapes<T>(
    Func<int, GenerationEvent.Prompt?, T?> Open,
    Func<GenerationEvent.Text, IEnumerable<T>> Text,
    Func<GenerationEvent.Finished, IEnumerable<T>> Close,
    Func<Usage, T> Count,
    Func<T, Usage, T> WithUsage)
    where T : class;

/// <summary>
/// Relays the events of a call as server-sent events, flushing whenever the engine has no more for now.
/// </summary>
/// <remarks>Headers leave with the first event, so a call that fails before it still gets its status.</remarks>
internal sealed class EventStreamResult<T>(
    GenerationStream stream, StreamOptions? options, ChunkShapes<T> shapes, JsonTypeInfo<T> contract) : IResult
    where T : class
{
    private readonly bool[] _opened = new bool[stream.Requests.Length];
    private readonly bool _continuous = options?.ContinuousUsageStats is true;
    private readonly int[] _newTokens = new int[stream.Requests.Length];

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var aborted = httpContext.RequestAborted;
        if (!await stream.Events.WaitToReadAsync(aborted) || !stream.Events.TryPeek(out var first))
        {
            throw new InvalidOperationException("A call ended without an event.");
        }

        if (first is GenerationEvent.Failed early)
        {
            await OpenAIResults.Failed(early.Message).ExecuteAsync(httpContext);
            return;
        }

        var response = httpContext.Response;
        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-cache";
        while (await stream.Events.WaitToReadAsync(aborted))
        {
            while (stream.Events.TryRead(out var item))
            {
                if (!Write(response, item))
                {
                    await response.BodyWriter.FlushAsync(aborted);
                    return;
                }
            }

            await response.BodyWriter.FlushAsync(aborted);
        }

        if (options?.IncludeUsage is true)
        {
            ServerSentEvents.Write(response.BodyWriter, shapes.Count(Answers.Count(stream, _newTokens.Sum())), contract);
        }

        ServerSentEvents.WriteDone(response.BodyWriter);
        await response.BodyWriter.FlushAsync(aborted);
    }

    // False after a failure: the status has gone out, so an error event is all that can still be said.
    private bool Write(HttpResponse response, GenerationEvent item)
    {
        if (item is GenerationEvent.Failed failed)
        {
            var error = new ErrorResponse(new(failed.Message, ErrorTypes.Internal, null, 500));
            ServerSentEvents.Write(response.BodyWriter, error, OpenAIJson.Default.ErrorResponse);
            ServerSentEvents.WriteDone(response.BodyWriter);
            return false;
        }

        if (!_opened[item.Choice])
        {
            _opened[item.Choice] = true;
            WriteChunk(response, shapes.Open(item.Choice, item as GenerationEvent.Prompt));
        }

        if (item is GenerationEvent.Finished end)
        {
            _newTokens[item.Choice] = end.NewTokens;
            WriteChunks(response, shapes.Close(end));
        }
        else if (item is GenerationEvent.Text text)
        {
            _newTokens[item.Choice] = text.Tokens.Total;
            WriteChunks(response, shapes.Text(text));
        }

        return true;
    }

    private void WriteChunks(HttpResponse response, IEnumerable<T> chunks)
    {
        foreach (var chunk in chunks)
        {
            WriteChunk(response, chunk);
        }
    }

    private void WriteChunk(HttpResponse response, T? chunk)
    {
        if (chunk is not null)
        {
            ServerSentEvents.Write(
                response.BodyWriter,
                _continuous ? shapes.WithUsage(chunk, Answers.Count(stream, _newTokens.Sum())) : chunk,
                contract);
        }
    }
}
