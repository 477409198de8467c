using System.Collections.Immutable;
using System.Text.Json;
using Kaito.RagEngine.Http;
using Kaito.RagEngine.Metrics;
using Kaito.RagEngine.Store;

namespace Kaito.RagEngine.Retrieval;

/// <summary><c>POST /retrieve</c>: passages for a question, without asking a model.</summary>
internal static class RetrieveEndpoint
{
    public static void MapRetrieve(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/retrieve", HandleAsync).WithName("retrieve_index").WithTags("Index");

    internal static async Task<IResult> HandleAsync(
        HttpContext http, Retriever retriever, OperationWatch watch, RagMetrics metrics, RagEngineOptions options)
    {
        using var body = await RequestBody.ReadAsync(http, model: true);
        var found = new List<Problem>();
        var fields = new Fields(body.RootElement, ["body"], found);
        var index = fields.Text("index_name");
        var question = fields.Text("query");
        var count = fields.Whole("max_node_count", 5, 1, options.MostResults);
        var members = fields.Object("metadata_filter");
        if (found.Count > 0)
        {
            throw new BodyException(found);
        }

        return await watch.RunAsync(Operations.Retrieve, "Retrieve failed: ", async () =>
        {
            var filter = members is { } given ? MetadataFilter.From(given) : MetadataFilter.None;
            var results = await RunAsync(retriever, index, question, filter, count, http.RequestAborted);
            Record(metrics, results);
            return RagResults.Json(json => Write(json, question, results));
        });
    }

    /// <summary>Checks in upstream's order: first the index, then the question.</summary>
    internal static async Task<ImmutableArray<Ranked>> RunAsync(
        Retriever retriever,
        string index,
        string question,
        MetadataFilter filter,
        int count,
        CancellationToken cancellationToken)
    {
        await retriever.RequireAsync(index, cancellationToken);
        return string.IsNullOrWhiteSpace(question)
            ? throw RagException.Invalid("Query string cannot be empty.")
            : await retriever.RetrieveAsync(index, question, filter, count, cancellationToken);
    }

    internal static void Write(Utf8JsonWriter json, string question, ImmutableArray<Ranked> results)
    {
        json.WriteStartObject();
        json.WriteString("query", question);
        json.WriteStartArray("results");
        foreach (var result in results)
        {
            NodeJson.Write(json, result, result.Score, question, nullMetadata: true);
        }

        json.WriteEndArray();
        json.WriteNumber("count", results.Length);
        json.WriteEndObject();
    }

    private static void Record(RagMetrics metrics, ImmutableArray<Ranked> results)
    {
        metrics.Results.Record(results.Length);
        if (results.Length > 0)
        {
            metrics.LowestScore.Record(results.Min(static r => r.Score));
            metrics.AverageScore.Record(results.Average(static r => r.Score));
        }
    }
}
