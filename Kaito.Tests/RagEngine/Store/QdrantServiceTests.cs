using System.Text.Json.Nodes;
using Kaito.RagEngine;
using Kaito.Tests.RagEngine.Store.Qdrants;

namespace Kaito.Tests.RagEngine.Store;

/// <summary>The whole service on a Qdrant server.</summary>
public sealed class QdrantServiceTests
{
    [Fact]
    public async Task Service_OnQdrant_AnswersAsOnTheEmbeddedStore()
    {
        await using var server = await QdrantServer.StartAsync();
        await using var rag = await StartAsync(server);
        Assert.Equal(200, (await rag.IndexAsync("docs", "The oven is hot.", "The gateway is closed.", "Bread is baked.")).Status);

        var (status, found) = await rag.PostAsync("/retrieve", """{"index_name":"docs","query":"gateway","max_node_count":2}""");
        Assert.Equal(200, status);
        Assert.Equal("The gateway is closed.", (string?)found!["results"]![0]!["text"]);
        Assert.Equal("both", (string?)found["results"]![0]!["source"]);

        var listed = (await rag.GetAsync("/indexes/docs/documents?limit=2")).Body!;
        Assert.Equal((2, 3), ((int)listed["count"]!, (int)listed["total_items"]!));
        Assert.Equal("qdrant", (string?)(await rag.GetAsync("/health")).Body!["store"]);
        Assert.Equal(200, (await rag.DeleteAsync("/indexes/docs")).Status);
        Assert.Empty(server.State.Collections);
    }

    [Fact]
    public async Task Hashes_InListings_AreThoseOfUpstreamOnQdrant()
    {
        await using var server = await QdrantServer.StartAsync();
        await using var rag = await StartAsync(server);
        var document = new JsonObject
        {
            ["text"] = "First document in index1",
            ["metadata"] = new JsonObject { ["type"] = "text" },
        };
        await rag.PostAsync("/index", new JsonObject { ["index_name"] = "i", ["documents"] = new JsonArray(document) });

        var listed = (await rag.GetAsync("/indexes/i/documents")).Body!["documents"]![0]!;

        Assert.Equal("81bedde64ebbcd5217992ff7d90fac992c4d7a654e72e76cf5e61c7d45e59afe", (string?)listed["hash_value"]);
    }

    [Fact]
    public async Task Service_WithoutItsServer_IsUnavailableAndComesBack()
    {
        var server = await QdrantServer.StartAsync();
        await using var rag = await StartAsync(server);
        await rag.IndexAsync("docs", "The oven is hot.");
        var port = server.Address.Port;
        await server.DisposeAsync();

        using var asked = await rag.Http.GetAsync("/indexes", TestContext.Current.CancellationToken);
        Assert.Equal((503, 5), ((int)asked.StatusCode, asked.Headers.RetryAfter!.Delta!.Value.Seconds));
        var (status, health) = await rag.GetAsync("/health");
        Assert.Equal(500, status);
        Assert.Contains("VECTOR_DB_URL", (string?)health!["detail"], StringComparison.Ordinal);

        await using var again = await QdrantServer.StartAsync(server.State, port: port);
        Assert.Equal("docs", (string?)(await rag.GetAsync("/indexes")).Body![0]);
        Assert.Equal(200, (await rag.GetAsync("/health")).Status);
    }

    [Fact]
    public async Task Index_OfAnotherEmbedder_IsRefusedWithARemedy()
    {
        await using var server = await QdrantServer.StartAsync();
        await using (var first = await StartAsync(server))
        {
            await first.IndexAsync("docs", "The oven is hot.");
        }

        await using var second = await RagFixture.StartAsync(
            options => options with { Store = StoreKind.Qdrant, StoreUrl = server.Address },
            static services => RagFixture.UseEmbedder(services, "another", 8));

        var (status, body) = await second.PostAsync("/retrieve", """{"index_name":"docs","query":"oven"}""");
        Assert.Equal(409, status);
        Assert.Contains("delete the index", (string?)body!["detail"], StringComparison.Ordinal);
    }

    private static Task<RagFixture> StartAsync(QdrantServer server) =>
        RagFixture.StartAsync(options => options with { Store = StoreKind.Qdrant, StoreUrl = server.Address });
}
