using Kaito.RagEngine.Http;
using Kaito.RagEngine.Metrics;

namespace Kaito.RagEngine.Persistence;

/// <summary>Copies of indexes in folders, by upstream's routes and messages.</summary>
internal static class PersistEndpoints
{
    private const string Tag = "Index";

    public static void MapPersistence(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/persist/{index_name}", PersistAsync).WithName("persist_index").WithTags(Tag);
        routes.MapPost("/load/{index_name}", LoadAsync).WithName("load_index").WithTags(Tag);
    }

    internal static async Task<IResult> PersistAsync(
        HttpContext http, string index_name, IndexFolders folders, OperationWatch watch, RagEngineOptions options)
    {
        // Only the usual folder holds several indexes.
        var path = new QueryValues(http.Request.Query).Text("path") ?? options.PersistFolder;
        var place = path == options.PersistFolder ? $"{path}/{index_name}" : path;
        return await watch.RunAsync(Operations.Persist, "Persistence failed: ", async () =>
        {
            await folders.SaveAsync(index_name, place, http.RequestAborted);
            return RagResults.Message($"Successfully persisted index {index_name} to {place}.");
        });
    }

    internal static async Task<IResult> LoadAsync(
        HttpContext http, string index_name, IndexFolders folders, OperationWatch watch, RagEngineOptions options)
    {
        var query = new QueryValues(http.Request.Query);
        var place = query.Text("path") ?? $"{options.PersistFolder}/{index_name}";
        var overwrite = query.Flag("overwrite");
        query.Check();
        return await watch.RunAsync(Operations.Load, "Loading failed: ", async () =>
        {
            await folders.LoadAsync(index_name, place, overwrite, http.RequestAborted);
            return RagResults.Message($"Successfully loaded index {index_name} from {place}.");
        });
    }
}
