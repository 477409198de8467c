using System.Text;
using System.Text.Json;
using Kaito.RagEngine.Embedding;
using Kaito.RagEngine.Http;
using Kaito.RagEngine.Retrieval;
using Kaito.RagEngine.Store;

namespace Kaito.RagEngine.Mcp;

/// <summary>
/// <c>POST /mcp</c>: the Model Context Protocol over streamable HTTP, without sessions: each request is answered by one
/// JSON object. Tools: <c>retrieve</c> and <c>list_indexes</c>.
/// </summary>
/// <seealso href="https://modelcontextprotocol.io/specification/2025-06-18/basic/transports"/>
internal static class McpEndpoint
{
    private const int MethodNotFound = -32601;
    private const int InvalidRequest = -32600;
    private const int InvalidParams = -32602;
    private const int MostResults = 50;

    private static readonly string[] s_versions = ["2025-06-18", "2025-03-26", "2024-11-05"];

    private static readonly byte[] s_tools = Encoding.UTF8.GetBytes(
        """
        [{"name":"retrieve","description":"Finds the passages of an index that answer a question, by meaning and by words.","inputSchema":{"type":"object","properties":{"index_name":{"type":"string","description":"Name of the index; see list_indexes."},"query":{"type":"string","description":"The question, or words to look for."},"max_node_count":{"type":"integer","minimum":1,"maximum":50,"default":5},"metadata_filter":{"type":"object","description":"Members of the metadata that must be equal."}},"required":["index_name","query"]}},{"name":"list_indexes","description":"Names the indexes that can be searched.","inputSchema":{"type":"object","properties":{}}}]
        """);

    public static void MapMcp(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/mcp", HandleAsync).WithName("mcp").WithTags("MCP");

    internal static async Task<IResult> HandleAsync(HttpContext http, Retriever retriever, IDocumentStore store)
    {
        RequireSameOrigin(http.Request);
        var body = await RequestBody.ReadAsync(http, model: false);
        http.Response.RegisterForDispose(body);
        var request = body.RootElement;
        if (!request.TryGetProperty("id", out var id))
        {
            // A notification, or an answer to something that was never asked.
            return TypedResults.Accepted((string?)null);
        }

        var method = request.TryGetProperty("method", out var name) && name.ValueKind == JsonValueKind.String
            ? name.GetString()
            : null;
        var call = request.TryGetProperty("params", out var given) && given.ValueKind == JsonValueKind.Object
            ? given
            : (JsonElement?)null;
        return method switch
        {
            "initialize" => Result(id, json => Initialize(json, call)),
            "ping" => Result(id, static json =>
            {
                json.WriteStartObject();
                json.WriteEndObject();
            }),
            "tools/list" => Result(id, static json =>
            {
                json.WriteStartObject();
                json.WritePropertyName("tools");
                json.WriteRawValue(s_tools);
                json.WriteEndObject();
            }),
            "tools/call" when call is { } tool => await CallAsync(id, tool, retriever, store, http.RequestAborted),
            null => Error(id, InvalidRequest, "The request has no method."),
            _ => Error(id, MethodNotFound, $"There is no method {method}."),
        };
    }

    // A page of another site must not use what only this machine can reach.
    private static void RequireSameOrigin(HttpRequest request)
    {
        var origin = request.Headers.Origin.ToString();
        if (origin.Length > 0 && (!Uri.TryCreate(origin, UriKind.Absolute, out var url)
            || !string.Equals(url.Authority, request.Host.Value, StringComparison.OrdinalIgnoreCase)))
        {
            throw new RagException(StatusCodes.Status403Forbidden, $"Origin {origin} may not use this server.");
        }
    }

    private static async Task<IResult> CallAsync(
        JsonElement id, JsonElement call, Retriever retriever, IDocumentStore store, CancellationToken cancellationToken)
    {
        var tool = call.TryGetProperty("name", out var name) && name.ValueKind == JsonValueKind.String
            ? name.GetString()
            : null;
        try
        {
            switch (tool)
            {
                case "list_indexes":
                    var indexes = await store.ListAsync(cancellationToken);
                    return Content(id, JsonOf(json =>
                    {
                        json.WriteStartObject();
                        json.WriteStartArray("indexes");
                        foreach (var index in indexes)
                        {
                            json.WriteStringValue(index.Name);
                        }

                        json.WriteEndArray();
                        json.WriteEndObject();
                    }), failed: false);
                case "retrieve":
                    return Content(id, await RetrieveAsync(call, retriever, cancellationToken), failed: false);
                default:
                    return Error(id, InvalidParams, $"There is no tool {tool}.");
            }
        }
        catch (Exception failure) when (failure is RagException or EmbeddingException or StoreException)
        {
            // For the model to read and to do better.
            return Content(id, failure.Message, failed: true);
        }
        catch (BodyException wrong)
        {
            return Error(id, InvalidParams, string.Join(' ', wrong.Problems.Select(static p =>
                $"{string.Join('.', p.Place)}: {p.Message}.")));
        }
    }

    private static async Task<string> RetrieveAsync(
        JsonElement call, Retriever retriever, CancellationToken cancellationToken)
    {
        var found = new List<Problem>();
        using var none = JsonDocument.Parse("{}");
        var given = call.TryGetProperty("arguments", out var sent) && sent.ValueKind == JsonValueKind.Object
            ? sent
            : none.RootElement;
        var fields = new Fields(given, ["arguments"], found);
        var (index, question) = (fields.Text("index_name"), fields.Text("query"));
        var count = fields.Whole("max_node_count", 5, 1, MostResults);
        var members = fields.Object("metadata_filter");
        if (found.Count > 0)
        {
            throw new BodyException(found);
        }

        var filter = members is { } m ? MetadataFilter.From(m) : MetadataFilter.None;
        var results = await RetrieveEndpoint.RunAsync(retriever, index, question, filter, count, cancellationToken);
        return JsonOf(json => RetrieveEndpoint.Write(json, question, results));
    }

    private static void Initialize(Utf8JsonWriter json, JsonElement? call)
    {
        var asked = call is { } given && given.TryGetProperty("protocolVersion", out var version)
            && version.ValueKind == JsonValueKind.String
                ? version.GetString()
                : null;
        json.WriteStartObject();
        json.WriteString("protocolVersion", s_versions.Contains(asked) ? asked : s_versions[0]);
        json.WriteStartObject("capabilities");
        json.WriteStartObject("tools");
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteStartObject("serverInfo");
        json.WriteString("name", "kaito-rag-engine");
        json.WriteString("version", "0.12.0");
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static IResult Content(JsonElement id, string text, bool failed) => Result(id, json =>
    {
        json.WriteStartObject();
        json.WriteStartArray("content");
        json.WriteStartObject();
        json.WriteString("type", "text");
        json.WriteString("text", text);
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteBoolean("isError", failed);
        json.WriteEndObject();
    });

    private static IResult Result(JsonElement id, Action<Utf8JsonWriter> result) => Answer(id, json =>
    {
        json.WritePropertyName("result");
        result(json);
    });

    private static IResult Error(JsonElement id, int code, string message) => Answer(id, json =>
    {
        json.WriteStartObject("error");
        json.WriteNumber("code", code);
        json.WriteString("message", message);
        json.WriteEndObject();
    });

    private static IResult Answer(JsonElement id, Action<Utf8JsonWriter> write) => RagResults.Json(json =>
    {
        json.WriteStartObject();
        json.WriteString("jsonrpc", "2.0");
        json.WritePropertyName("id");
        id.WriteTo(json);
        write(json);
        json.WriteEndObject();
    });

    private static string JsonOf(Action<Utf8JsonWriter> write)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, RagResults.Plain))
        {
            write(json);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
