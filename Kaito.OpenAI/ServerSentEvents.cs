using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Kaito.OpenAI;

/// <summary>
/// Server-sent events as the protocol uses them: <c>data: {json}</c> per event, then <c>data: [DONE]</c>.
/// </summary>
public static class ServerSentEvents
{
    // Longer than any chunk that a server sends; past it the peer is not speaking this protocol.
    private const int LongestLine = 4 << 20;

    private const string Field = "data:";

    private const string Done = "[DONE]";

    /// <summary>Appends one event; the caller flushes.</summary>
    public static void Write<T>(IBufferWriter<byte> output, T item, JsonTypeInfo<T> contract)
    {
        output.Write("data: "u8);
        using (var writer = new Utf8JsonWriter(output))
        {
            JsonSerializer.Serialize(writer, item, contract);
        }

        output.Write("\n\n"u8);
    }

    /// <summary>Appends the marker that clients wait for.</summary>
    public static void WriteDone(IBufferWriter<byte> output) => output.Write("data: [DONE]\n\n"u8);

    /// <summary>Reads events until the marker or the end of the body.</summary>
    /// <exception cref="EventStreamException">The server reported an error inside the stream.</exception>
    /// <exception cref="InvalidDataException">A line is longer than 4 MiB.</exception>
    /// <exception cref="JsonException">An event is not the expected JSON.</exception>
    public static async IAsyncEnumerable<T> ReadAsync<T>(
        Stream body, JsonTypeInfo<T> contract, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var reader = new StreamReader(body, Encoding.UTF8, false, 4096, leaveOpen: true);
        while (await ReadLineAsync(reader, cancellationToken) is { } line)
        {
            if (!line.StartsWith(Field, StringComparison.Ordinal))
            {
                continue;
            }

            var payload = line.AsMemory(Field.Length).Trim();
            if (payload.Span.SequenceEqual(Done))
            {
                yield break;
            }

            ThrowIfError(payload.Span);
            yield return JsonSerializer.Deserialize(payload.Span, contract)
                ?? throw new JsonException("An event holds null.");
        }
    }

    private static async ValueTask<string?> ReadLineAsync(StreamReader reader, CancellationToken cancellationToken)
    {
        var line = await reader.ReadLineAsync(cancellationToken);
        return line?.Length > LongestLine
            ? throw new InvalidDataException($"An event is longer than {LongestLine} characters.")
            : line;
    }

    private static void ThrowIfError(ReadOnlySpan<char> payload)
    {
        if (payload.StartsWith("{\"error\"", StringComparison.Ordinal))
        {
            throw new EventStreamException(
                JsonSerializer.Deserialize(payload, OpenAIJson.Default.ErrorResponse)!.Error);
        }
    }
}

/// <summary>The server reported a failure after the stream had begun.</summary>
/// <param name="error">What it reported.</param>
public sealed class EventStreamException(ErrorBody error) : Exception(error.Message)
{
    /// <summary>What the server reported.</summary>
    public ErrorBody Error { get; } = error;
}
