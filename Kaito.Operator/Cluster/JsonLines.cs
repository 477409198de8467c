using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Kaito.Operator.Cluster;

/// <summary>JSON documents, one a line, as a watch sends them.</summary>
internal static class JsonLines
{
    /// <summary>Each document until the stream ends; valid until the next is asked for.</summary>
    /// <exception cref="JsonException">A line is no JSON.</exception>
    public static async IAsyncEnumerable<JsonDocument> ReadAsync(
        Stream stream, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var reader = PipeReader.Create(stream, new(leaveOpen: true));
        try
        {
            while (true)
            {
                var read = await reader.ReadAsync(cancellationToken);
                var rest = read.Buffer;
                while (rest.PositionOf((byte)'\n') is { } end)
                {
                    var line = rest.Slice(0, end);
                    if (!line.IsEmpty)
                    {
                        using var document = JsonDocument.Parse(line);
                        yield return document;
                    }

                    rest = rest.Slice(rest.GetPosition(1, end));
                }

                reader.AdvanceTo(rest.Start, rest.End);
                if (read.IsCompleted)
                {
                    // Half a line is an event that did not arrive: the next watch repeats it.
                    yield break;
                }
            }
        }
        finally
        {
            await reader.CompleteAsync();
        }
    }
}
