using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Kaito.OpenAI;
using Kaito.RagEngine.Http;

namespace Kaito.RagEngine.Guardrails;

/// <summary>Holds one answer to the policy that was active when its request began.</summary>
/// <remarks>
/// Events of a stream keep their order and their fields. Text waits until it is decided; tool calls, roles and usage do
/// not. What cannot be judged is withheld: the client then gets the policy's message and the reason
/// <c>content_filter</c>.
/// </remarks>
/// <param name="policy">It scans.</param>
/// <param name="verdicts">Counts what becomes of the answer.</param>
internal sealed class PolicyGuard(GuardrailPolicy policy, Verdicts verdicts) : IAnswerGuard
{
    private const string Filtered = "content_filter";

    public ValueTask<byte[]> CheckAsync(byte[] answer, string prompt, CancellationToken cancellationToken)
    {
        try
        {
            var whole = JsonNode.Parse(answer)!.AsObject();
            var (findings, blocked) = GuardedAnswer.Apply(policy, whole);
            verdicts.Count(policy, whole["id"]?.ToString(), findings, blocked);
            return ValueTask.FromResult(JsonSerializer.SerializeToUtf8Bytes(whole, GuardrailJson.Default.JsonObject));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            verdicts.Fail(policy, e);
            throw new RagException(
                StatusCodes.Status500InternalServerError,
                "Output guardrails failed while scanning the model response.",
                e);
        }
    }

    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReleaseAsync(
        IAsyncEnumerable<ReadOnlyMemory<byte>> answer,
        string prompt,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var stream = new GuardedStream(policy);
        await using var body = new PieceStream(answer, cancellationToken);
        await using var events = ServerSentEvents
            .ReadAsync(body, GuardrailJson.Default.JsonObject, cancellationToken).GetAsyncEnumerator(cancellationToken);
        var step = default(Step);
        do
        {
            step = await StepAsync(stream, events);
            if (!step.Released.IsEmpty)
            {
                yield return step.Released;
            }
        }
        while (!step.Ended);
    }

    /// <summary>One event of the model in, the bytes that it releases out.</summary>
    private async Task<Step> StepAsync(GuardedStream stream, IAsyncEnumerator<JsonObject> events)
    {
        var output = new ArrayBufferWriter<byte>();
        bool ended;
        try
        {
            ended = !await events.MoveNextAsync();
            foreach (var passed in ended ? stream.End() : stream.Take(events.Current))
            {
                Write(output, passed);
            }

            ended |= stream.Blocked;
            if (stream.Blocked)
            {
                Refuse(output, stream);
            }

            if (ended)
            {
                verdicts.Count(policy, stream.Id, stream.Findings, stream.Blocked);
            }
        }
        catch (EventStreamException error)
        {
            ended = true;
            Write(output, new() { ["error"] = JsonSerializer.SerializeToNode(error.Error, OpenAIJson.Default.ErrorBody) });
        }
        catch (Exception e) when (e is JsonException or InvalidDataException or FormatException
            or RegexMatchTimeoutException)
        {
            ended = true;
            verdicts.Fail(policy, e);
            Refuse(output, stream);
        }

        if (ended)
        {
            ServerSentEvents.WriteDone(output);
        }

        return new(output.WrittenMemory, ended);
    }

    private void Refuse(IBufferWriter<byte> output, GuardedStream stream)
    {
        Write(output, stream.Chunk(new() { ["content"] = policy.BlockMessage }, null));
        Write(output, stream.Chunk([], Filtered));
    }

    private static void Write(IBufferWriter<byte> output, JsonObject chunk) =>
        ServerSentEvents.Write(output, chunk, GuardrailJson.Default.JsonObject);

    private readonly record struct Step(ReadOnlyMemory<byte> Released, bool Ended);
}

[JsonSerializable(typeof(JsonObject))]
internal sealed partial class GuardrailJson : JsonSerializerContext;
