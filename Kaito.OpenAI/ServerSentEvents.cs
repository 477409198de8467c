using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Kaito.OpenAI;

/// <summary>
/// Server-sent events as the protocol uses them: <c>data: {json}</c> per event, then <c>data: [DONE]</c>.
/// </summary>
public static class ServerSentEvents
{
    // Longer than any chunk that a server sends; past it the peer is not speaking this protocol.
    private const int LongestEvent = 4 << 20;

    private static ReadOnlySpan<byte> Field => "data:"u8;

    private static ReadOnlySpan<byte> Done => "[DONE]"u8;

    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

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

    /// <summary>
    /// Reads events until the marker or the end of the body. Comments and other fields are skipped; the lines of one
    /// event's data are joined, as the format has it.
    /// </summary>
    /// <exception cref="EventStreamException">The server reported an error inside the stream.</exception>
    /// <exception cref="InvalidDataException">An event is longer than 4 MiB.</exception>
    /// <exception cref="JsonException">An event is not the expected JSON.</exception>
    public static async IAsyncEnumerable<T> ReadAsync<T>(
        Stream body, JsonTypeInfo<T> contract, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var reader = PipeReader.Create(body, new(leaveOpen: true));
        try
        {
            var data = new ArrayBufferWriter<byte>();
            for (var ended = false; !ended;)
            {
                var line = await ReadLineAsync(reader, cancellationToken);
                ended = line is null;
                if (line is { Length: > 0 })
                {
                    Gather(line, data);
                    continue;
                }

                if (data.WrittenCount == 0)
                {
                    continue;
                }

                if (data.WrittenSpan.SequenceEqual(Done))
                {
                    yield break;
                }

                yield return Parse(data.WrittenSpan, contract);
                data.ResetWrittenCount();
            }
        }
        finally
        {
            await reader.CompleteAsync();
        }
    }

    /// <returns>One line without its end; null after the last.</returns>
    private static async ValueTask<byte[]?> ReadLineAsync(PipeReader reader, CancellationToken cancellationToken)
    {
        while (true)
        {
            var read = await reader.ReadAsync(cancellationToken);
            var end = read.Buffer.PositionOf((byte)'\n');
            if ((end is { } at ? read.Buffer.Slice(0, at) : read.Buffer).Length > LongestEvent)
            {
                throw TooLong();
            }

            if (end is { } found)
            {
                var line = read.Buffer.Slice(0, found).ToArray();
                reader.AdvanceTo(read.Buffer.GetPosition(1, found));
                return line is [.. var text, (byte)'\r'] ? text : line;
            }

            if (read.IsCompleted)
            {
                var rest = read.Buffer.ToArray();
                reader.AdvanceTo(read.Buffer.End);
                return rest.Length == 0 ? null : rest;
            }

            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    private static void Gather(ReadOnlySpan<byte> line, ArrayBufferWriter<byte> data)
    {
        line = line.StartsWith(ByteOrderMark) ? line[ByteOrderMark.Length..] : line;
        if (!line.StartsWith(Field))
        {
            return;
        }

        var value = line[Field.Length..].Trim((byte)' ');
        if (data.WrittenCount + value.Length >= LongestEvent)
        {
            throw TooLong();
        }

        if (data.WrittenCount > 0)
        {
            data.Write("\n"u8);
        }

        data.Write(value);
    }

    private static T Parse<T>(ReadOnlySpan<byte> payload, JsonTypeInfo<T> contract)
    {
        if (IsError(payload))
        {
            throw new EventStreamException(
                JsonSerializer.Deserialize(payload, OpenAIJson.Default.ErrorResponse)!.Error);
        }

        return JsonSerializer.Deserialize(payload, contract) ?? throw new JsonException("An event holds null.");
    }

    // An object whose first member is an object named error.
    private static bool IsError(ReadOnlySpan<byte> payload)
    {
        var reader = new Utf8JsonReader(payload);
        return reader.Read() && reader.TokenType == JsonTokenType.StartObject
            && reader.Read() && reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals("error"u8)
            && reader.Read() && reader.TokenType == JsonTokenType.StartObject;
    }

    private static InvalidDataException TooLong() => new($"An event is longer than {LongestEvent} bytes.");
}

/// <summary>The server reported a failure after the stream had begun.</summary>
/// <param name="error">What it reported.</param>
public sealed class EventStreamException(ErrorBody error) : Exception(error.Message)
{
    /// <summary>What the server reported.</summary>
    public ErrorBody Error { get; } = error;
}
