using System.Text.Json;
using Kaito.RagEngine.Http;
using Kaito.RagEngine.Metrics;
using Kaito.RagEngine.Store;

namespace Kaito.RagEngine.Indexing;

/// <summary>Pages through the chunks of an index, which upstream calls documents.</summary>
internal static class DocumentsEndpoint
{
    internal static async Task<IResult> HandleAsync(
        HttpContext http, string index_name, IDocumentStore store, OperationWatch watch)
    {
        var query = new QueryValues(http.Request.Query);
        var limit = query.Whole("limit", 10, 1, 100)!.Value;
        var offset = query.Whole("offset", 0, 0, int.MaxValue)!.Value;
        var most = query.Text("max_text_length") is null
            ? 1000
            : query.Whole("max_text_length", null, 1, int.MaxValue) ?? int.MaxValue;
        var filter = query.Text("metadata_filter");
        query.Check();

        // Upstream decodes the name once more than the framework does, on this route only.
        var index = Uri.UnescapeDataString(index_name);
        return await watch.RunAsync(Operations.Documents, "", async () =>
        {
            var page = await store.PageAsync(index, Filter(filter), offset, limit, http.RequestAborted)
                ?? throw RagException.NoIndex(index);
            return RagResults.Json(json =>
            {
                json.WriteStartObject();
                WireDocument.Write(json, "documents", page.Passages.Select(p => Shown(p, most, store.Kind)));
                json.WriteNumber("count", page.Passages.Length);
                json.WriteNumber("total_items", page.Total);
                json.WriteEndObject();
            });
        });
    }

    private static MetadataFilter Filter(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return MetadataFilter.None;
        }

        try
        {
            using var json = JsonDocument.Parse(text);
            return json.RootElement.ValueKind switch
            {
                JsonValueKind.Object => MetadataFilter.From(json.RootElement),
                JsonValueKind.Null => MetadataFilter.None,
                _ => throw RagException.Invalid("Invalid metadata filter format. Must be a valid JSON object."),
            };
        }
        catch (JsonException)
        {
            throw RagException.Invalid("Invalid metadata filter format. Must be a valid JSON string.");
        }
    }

    private static WireDocument Shown(Passage passage, int most, string kind)
    {
        var cut = Cut(passage.Text, most);
        return new(passage.DocumentId, cut, passage.Metadata)
        {
            Truncated = cut.Length < passage.Text.Length,
            Hash = kind == "qdrant"
                ? ContentHash.Document(passage.Text, passage.Metadata)
                : ContentHash.Node(passage.Text, passage.Metadata),
        };
    }

    // By characters, not by the units of this runtime.
    private static string Cut(string text, int most)
    {
        if (text.Length <= most)
        {
            return text;
        }

        var at = 0;
        for (var count = 0; count < most && at < text.Length; count++)
        {
            at += char.IsHighSurrogate(text[at]) && at + 1 < text.Length ? 2 : 1;
        }

        return text[..at];
    }
}
