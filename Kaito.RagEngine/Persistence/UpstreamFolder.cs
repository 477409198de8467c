using System.Collections.Immutable;
using System.Text.Json;
using Kaito.RagEngine.Indexing;
using Kaito.RagEngine.Store;

namespace Kaito.RagEngine.Persistence;

/// <summary>
/// Reads the texts of an index that upstream's service persisted, from LlamaIndex's docstore.json. Vectors are made anew:
/// they are another embedder's.
/// </summary>
/// <remarks>
/// The file: <c>{"docstore/data": {NODE: {"__data__": {"text": …, "metadata": {…}, "relationships": {"1": {"node_id":
/// DOCUMENT}}}}}}</c>; in some versions <c>__data__</c> is JSON in a string.
/// </remarks>
internal static class UpstreamFolder
{
    private const string Source = "1";

    /// <summary>Documents put together from their chunks, in order; <see langword="null"/> without the file.</summary>
    /// <exception cref="StoreException">The file cannot be used.</exception>
    public static ImmutableArray<WireDocument>? Read(string folder)
    {
        var file = Path.Combine(folder, "docstore.json");
        if (!File.Exists(file))
        {
            return null;
        }

        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(file));
            var documents = new Dictionary<string, WireDocument>(StringComparer.Ordinal);
            var order = new List<string>();
            foreach (var node in json.RootElement.GetProperty("docstore/data").EnumerateObject())
            {
                Take(node, documents, order);
            }

            return [.. order.Select(id => documents[id])];
        }
        catch (Exception bad) when (bad is JsonException or KeyNotFoundException or InvalidOperationException or IOException)
        {
            throw new StoreException($"{file} cannot be used: {bad.Message} Index the documents again instead.", bad);
        }
    }

    private static void Take(JsonProperty node, Dictionary<string, WireDocument> documents, List<string> order)
    {
        var data = node.Value.GetProperty("__data__");
        using var inner = data.ValueKind == JsonValueKind.String ? JsonDocument.Parse(data.GetString()!) : null;
        var read = inner?.RootElement ?? data;
        var text = read.GetProperty("text").GetString() ?? "";
        var metadata = read.TryGetProperty("metadata", out var given) && given.ValueKind == JsonValueKind.Object
            ? WireDocument.Compact(given)
            : "{}";
        var id = DocumentOf(read) ?? node.Name;
        if (documents.TryGetValue(id, out var begun))
        {
            documents[id] = begun with { Text = Joined(begun.Text, text) };
            return;
        }

        documents.Add(id, new(id, text, metadata));
        order.Add(id);
    }

    private static string? DocumentOf(JsonElement node) =>
        node.TryGetProperty("relationships", out var relations) && relations.ValueKind == JsonValueKind.Object
        && relations.TryGetProperty(Source, out var source) && source.ValueKind == JsonValueKind.Object
        && source.TryGetProperty("node_id", out var id)
            ? id.GetString()
            : null;

    // Chunks of prose repeat the end of the one before.
    private static string Joined(string before, string next)
    {
        for (var shared = Math.Min(before.Length, next.Length); shared > 20; shared--)
        {
            if (before.AsSpan(before.Length - shared).SequenceEqual(next.AsSpan(0, shared)))
            {
                return before + next[shared..];
            }
        }

        return $"{before}\n{next}";
    }
}
