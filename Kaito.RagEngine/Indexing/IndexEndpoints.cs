using System.Text.Json;
using Kaito.RagEngine.Http;
using Kaito.RagEngine.Metrics;
using Kaito.RagEngine.Store;

namespace Kaito.RagEngine.Indexing;

/// <summary>Documents in and out of indexes.</summary>
internal static class IndexEndpoints
{
    private const string Tag = "Index";

    public static void MapIndexes(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/index", CreateAsync).WithName("create_index").WithTags(Tag);
        routes.MapGet("/indexes", ListAsync).WithName("list_indexes").WithTags(Tag);
        routes.MapGet("/indexes/{index_name}/documents", DocumentsEndpoint.HandleAsync)
            .WithName("list_documents_in_index").WithTags(Tag);
        routes.MapPost("/indexes/{index_name}/documents", UpdateAsync)
            .WithName("update_documents_in_index").WithTags(Tag);
        routes.MapPost("/indexes/{index_name}/documents/delete", DeleteAsync)
            .WithName("delete_documents_in_index").WithTags(Tag);
        routes.MapDelete("/indexes/{index_name}", DropAsync).WithName("delete_index").WithTags(Tag);
    }

    internal static async Task<IResult> CreateAsync(
        HttpContext http, Indexer indexer, OperationWatch watch, RagEngineOptions options)
    {
        using var body = await RequestBody.ReadAsync(http, model: true);
        var found = new List<Problem>();
        var fields = new Fields(body.RootElement, ["body"], found);
        var name = fields.Text("index_name");
        var documents = fields.List("documents", WireDocument.Read);
        Require(found);
        return await watch.RunAsync(Operations.Index, "", async () =>
        {
            RequireFew(documents.Count, options);
            var indexed = await indexer.IndexAsync(name, documents, http.RequestAborted);
            return RagResults.Json(json =>
            {
                json.WriteStartArray();
                foreach (var document in indexed)
                {
                    document.Write(json);
                }

                json.WriteEndArray();
            });
        });
    }

    internal static Task<IResult> ListAsync(HttpContext http, IDocumentStore store, OperationWatch watch) =>
        watch.RunAsync(Operations.Indexes, "", async () =>
        {
            var indexes = await store.ListAsync(http.RequestAborted);
            return RagResults.Json(json =>
            {
                json.WriteStartArray();
                foreach (var index in indexes)
                {
                    json.WriteStringValue(index.Name);
                }

                json.WriteEndArray();
            });
        });

    internal static async Task<IResult> UpdateAsync(
        HttpContext http, string index_name, Indexer indexer, OperationWatch watch, RagEngineOptions options)
    {
        using var body = await RequestBody.ReadAsync(http, model: true);
        var found = new List<Problem>();
        var documents = new Fields(body.RootElement, ["body"], found).List("documents", WireDocument.Read);
        Require(found);
        return await watch.RunAsync(Operations.Update, "Update failed: ", async () =>
        {
            RequireFew(documents.Count, options);
            var outcome = await indexer.UpdateAsync(index_name, documents, http.RequestAborted);
            return RagResults.Json(json =>
            {
                json.WriteStartObject();
                WireDocument.Write(json, "updated_documents", outcome.Updated);
                WireDocument.Write(json, "unchanged_documents", outcome.Unchanged);
                WireDocument.Write(json, "not_found_documents", outcome.NotFound);
                json.WriteEndObject();
            });
        });
    }

    internal static async Task<IResult> DeleteAsync(
        HttpContext http, string index_name, Indexer indexer, OperationWatch watch)
    {
        using var body = await RequestBody.ReadAsync(http, model: true);
        var found = new List<Problem>();
        var ids = new Fields(body.RootElement, ["body"], found).List("doc_ids", Fields.TextOf);
        Require(found);
        return await watch.RunAsync(Operations.Delete, "Delete failed: ", async () =>
        {
            var (deleted, missing) = await indexer.DeleteAsync(index_name, ids, http.RequestAborted);
            return RagResults.Json(json =>
            {
                json.WriteStartObject();
                Write(json, "deleted_doc_ids", deleted);
                Write(json, "not_found_doc_ids", missing);
                json.WriteEndObject();
            });
        });
    }

    internal static Task<IResult> DropAsync(
        HttpContext http, string index_name, IDocumentStore store, OperationWatch watch) =>
        watch.RunAsync(Operations.DeleteIndex, "Deletion failed: ", async () =>
            await store.DropAsync(index_name, http.RequestAborted)
                ? RagResults.Message($"Successfully deleted index {index_name}.")
                : throw RagException.NoIndex(index_name));

    private static void Write(Utf8JsonWriter json, string name, IEnumerable<string> ids)
    {
        json.WriteStartArray(name);
        foreach (var id in ids)
        {
            json.WriteStringValue(id);
        }

        json.WriteEndArray();
    }

    private static void Require(List<Problem> found)
    {
        if (found.Count > 0)
        {
            throw new BodyException(found);
        }
    }

    private static void RequireFew(int documents, RagEngineOptions options)
    {
        if (documents > options.MostDocuments)
        {
            throw new RagException(
                StatusCodes.Status413PayloadTooLarge,
                $"{documents} documents are too many for one request; send at most {options.MostDocuments}.");
        }
    }
}
