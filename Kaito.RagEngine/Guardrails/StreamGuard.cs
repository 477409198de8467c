using System.IO.Pipelines;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Kaito.OpenAI;

namespace Kaito.RagEngine.Guardrails;

/// <summary>Relays a streamed chat completion; of each text only what the policy lets pass.</summary>
/// <remarks>
/// Events keep their order and their fields. Text waits until it is decided; tool calls, roles and usage do not. What
/// cannot be judged is withheld: the client then gets the policy's message and the reason <c>content_filter</c>.
/// </remarks>
internal sealed class StreamGuard(AnswerGuard guard)
{
    private const string Filtered = "content_filter";

    /// <param name="policy">The one that the request began with; it scans.</param>
    /// <param name="upstream">The model server's events.</param>
    /// <param name="client">Where the guarded events go; flushed after each.</param>
    /// <param name="cancellationToken">The client left, or the service stops.</param>
    /// <exception cref="IOException">The model server broke off.</exception>
    public async Task RelayAsync(
        GuardrailPolicy policy, Stream upstream, PipeWriter client, CancellationToken cancellationToken)
    {
        var answer = new GuardedStream(policy);
        try
        {
            await RelayAsync(answer, upstream, client, cancellationToken);
            guard.Count(policy, answer.Id, answer.Findings, answer.Blocked);
            if (answer.Blocked)
            {
                await RefuseAsync(policy, answer, client, cancellationToken);
            }
        }
        catch (EventStreamException error)
        {
            var body = JsonSerializer.SerializeToNode(error.Error, OpenAIJson.Default.ErrorBody);
            await SendAsync(client, new() { ["error"] = body }, cancellationToken);
        }
        catch (Exception e) when (e is JsonException or InvalidDataException or FormatException
            or RegexMatchTimeoutException)
        {
            guard.Fail(policy, e);
            await RefuseAsync(policy, answer, client, cancellationToken);
        }

        ServerSentEvents.WriteDone(client);
        await client.FlushAsync(cancellationToken);
    }

    private static async Task RelayAsync(
        GuardedStream answer, Stream upstream, PipeWriter client, CancellationToken cancellationToken)
    {
        var events = ServerSentEvents.ReadAsync(upstream, GuardrailJson.Default.JsonObject, cancellationToken);
        await foreach (var chunk in events)
        {
            foreach (var passed in answer.Take(chunk))
            {
                await SendAsync(client, passed, cancellationToken);
            }

            if (answer.Blocked)
            {
                return;
            }
        }

        foreach (var passed in answer.End())
        {
            await SendAsync(client, passed, cancellationToken);
        }
    }

    private static async Task RefuseAsync(
        GuardrailPolicy policy, GuardedStream answer, PipeWriter client, CancellationToken cancellationToken)
    {
        await SendAsync(client, answer.Chunk(new() { ["content"] = policy.BlockMessage }, null), cancellationToken);
        await SendAsync(client, answer.Chunk([], Filtered), cancellationToken);
    }

    private static async Task SendAsync(PipeWriter client, JsonObject chunk, CancellationToken cancellationToken)
    {
        ServerSentEvents.Write(client, chunk, GuardrailJson.Default.JsonObject);
        await client.FlushAsync(cancellationToken);
    }
}

[JsonSerializable(typeof(JsonObject))]
internal sealed partial class GuardrailJson : JsonSerializerContext;
