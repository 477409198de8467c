using System.Text.Json.Nodes;

namespace Kaito.Tests.RagEngine.Mcp;

public sealed class McpEndpointTests : IAsyncLifetime
{
    private RagFixture _rag = null!;

    public async ValueTask InitializeAsync() => _rag = await RagFixture.StartAsync();

    public async ValueTask DisposeAsync() => await _rag.DisposeAsync();

    [Theory]
    [InlineData("2025-03-26", "2025-03-26")]
    [InlineData("1999-01-01", "2025-06-18")]
    public async Task Initialize_Version_IsTheClientsWhereItIsKnown(string asked, string answered)
    {
        var result = await CallAsync("initialize", new JsonObject { ["protocolVersion"] = asked });

        Assert.Equal(answered, (string?)result!["result"]!["protocolVersion"]);
        Assert.NotNull(result["result"]!["capabilities"]!["tools"]);
    }

    [Fact]
    public async Task Tools_List_HasRetrieveWithItsSchema()
    {
        var tools = (await CallAsync("tools/list"))!["result"]!["tools"]!.AsArray();

        Assert.Equal(["retrieve", "list_indexes"], tools.Select(static t => (string?)t!["name"]));
        Assert.Equal("""["index_name","query"]""", tools[0]!["inputSchema"]!["required"]!.ToJsonString());
    }

    [Fact]
    public async Task Retrieve_Called_GivesPassages()
    {
        await _rag.IndexAsync("i", "Paris is the capital of France.", "Bread is baked.");

        var result = (await CallAsync("tools/call", new JsonObject
        {
            ["name"] = "retrieve",
            ["arguments"] = new JsonObject { ["index_name"] = "i", ["query"] = "capital of France", ["max_node_count"] = 1 },
        }))!["result"]!;

        Assert.False((bool)result["isError"]!);
        var passages = JsonNode.Parse((string)result["content"]![0]!["text"]!)!;
        Assert.Equal("Paris is the capital of France.", (string?)Assert.Single(passages["results"]!.AsArray())!["text"]);
    }

    [Fact]
    public async Task Retrieve_UnknownIndex_TellsTheModel()
    {
        var result = (await CallAsync("tools/call", new JsonObject
        {
            ["name"] = "retrieve",
            ["arguments"] = new JsonObject { ["index_name"] = "none", ["query"] = "x" },
        }))!["result"]!;

        Assert.True((bool)result["isError"]!);
        Assert.Equal("No such index: 'none' exists.", (string?)result["content"]![0]!["text"]);
    }

    [Theory]
    [InlineData("nothing", null, -32601)]
    [InlineData("tools/call", """{"name":"none"}""", -32602)]
    [InlineData("tools/call", """{"name":"retrieve","arguments":{"query":"x"}}""", -32602)]
    public async Task Call_Wrong_IsAProtocolError(string method, string? call, int code) => Assert.Equal(
        code, (int)(await CallAsync(method, call is null ? null : JsonNode.Parse(call)))!["error"]!["code"]!);

    [Fact]
    public async Task Notification_IsAccepted() => Assert.Equal(
        202, (await _rag.PostAsync("/mcp", """{"jsonrpc":"2.0","method":"notifications/initialized"}""")).Status);

    [Fact]
    public async Task Get_HasNoStream() => Assert.Equal(405, (await _rag.GetAsync("/mcp")).Status);

    [Fact]
    public async Task Origin_OfAnotherSite_IsRefused()
    {
        _rag.Http.DefaultRequestHeaders.Add("Origin", "https://evil.example");

        Assert.Equal(403, (await _rag.PostAsync("/mcp", """{"jsonrpc":"2.0","id":1,"method":"ping"}""")).Status);
    }

    private async Task<JsonNode?> CallAsync(string method, JsonNode? call = null)
    {
        var request = new JsonObject { ["jsonrpc"] = "2.0", ["id"] = "a", ["method"] = method };
        if (call is not null)
        {
            request["params"] = call;
        }

        var (status, body) = await _rag.PostAsync("/mcp", request);
        Assert.Equal((200, "a"), (status, (string?)body!["id"]));
        return body;
    }
}
