using System.Text.Json;

namespace Kaito.ModelBuilder.Safetensors;

/// <summary>
/// Parses the JSON header, e.g. <c>{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}</c>, and proves that its
/// tensors fill the file without gap or overlap.
/// </summary>
/// <seealso href="https://github.com/huggingface/safetensors#format">The format.</seealso>
internal static class SafetensorsHeader
{
    private static readonly JsonDocumentOptions s_strict = new() { AllowDuplicateProperties = false };

    /// <param name="file">Name for messages.</param>
    /// <param name="header">The JSON text.</param>
    /// <param name="start">Where the tensors' bytes begin in the file.</param>
    /// <param name="length">Length of the file.</param>
    public static Dictionary<string, TensorEntry> Parse(
        string file, ReadOnlyMemory<byte> header, long start, long length)
    {
        var entries = new Dictionary<string, TensorEntry>(StringComparer.Ordinal);
        try
        {
            using var document = JsonDocument.Parse(header, s_strict);
            foreach (var member in document.RootElement.EnumerateObject())
            {
                if (member.Name != "__metadata__")
                {
                    entries.Add(member.Name, Entry(file, member, start));
                }
            }
        }
        catch (Exception cause) when (cause is JsonException or InvalidOperationException or FormatException)
        {
            throw Corrupt(file, $"its header is not the JSON that the format asks for ({cause.Message})");
        }

        RequireGapless(file, entries, start, length);
        return entries;
    }

    public static ModelBuildException Corrupt(string file, string what) =>
        new($"'{file}' is not a valid safetensors file: {what}. Download it again and compare its size or checksum.");

    private static TensorEntry Entry(string file, JsonProperty member, long start)
    {
        if (!member.Value.TryGetProperty("dtype", out var type)
            || !member.Value.TryGetProperty("shape", out var shape)
            || !member.Value.TryGetProperty("data_offsets", out var offsets)
            || offsets.GetArrayLength() != 2)
        {
            throw Corrupt(file, $"tensor '{member.Name}' lacks dtype, shape or two data_offsets");
        }

        var axes = shape.EnumerateArray().Select(axis => axis.GetInt64()).ToArray();
        var (begin, end) = (offsets[0].GetInt64(), offsets[1].GetInt64());
        var kind = type.GetString() ?? "";
        if (begin < 0 || end < begin || axes.Any(axis => axis < 0) || !Fits(kind, axes, end - begin))
        {
            throw Corrupt(
                file, $"tensor '{member.Name}' ({kind}, shape [{string.Join(", ", axes)}]) has {end - begin} bytes");
        }

        return new(kind, axes, start + begin, start + end);
    }

    // An unknown type can not be checked, nor read; it may still stand beside tensors that are wanted.
    private static bool Fits(string type, long[] axes, long bytes)
    {
        if (TensorEntry.SizeOf(type) is not { } size)
        {
            return true;
        }

        try
        {
            return axes.Aggregate((long)size, (product, axis) => checked(product * axis)) == bytes;
        }
        catch (OverflowException)
        {
            return false;
        }
    }

    private static void RequireGapless(
        string file, Dictionary<string, TensorEntry> entries, long start, long length)
    {
        var position = start;
        foreach (var (name, entry) in entries.OrderBy(entry => entry.Value.Begin).ThenBy(entry => entry.Value.End))
        {
            if (entry.Begin != position)
            {
                throw Corrupt(file, $"tensor '{name}' begins at byte {entry.Begin}, not at {position}");
            }

            position = entry.End;
        }

        if (position != length)
        {
            throw Corrupt(file, $"its tensors end at byte {position} but the file has {length}");
        }
    }
}
