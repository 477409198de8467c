using System.Text.Json.Nodes;

namespace Kaito.Tests.RagEngine.Persistence;

/// <summary>The rows of upstream's tests that concern persistence.</summary>
public sealed class PersistEndpointsTests : IAsyncLifetime
{
    private readonly ScratchFolder _folder = new();
    private RagFixture _rag = null!;

    public async ValueTask InitializeAsync() => _rag = await RagFixture.StartAsync(folder: _folder);

    public async ValueTask DisposeAsync()
    {
        await _rag.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task Persist_UsualPlace_AppendsTheName()
    {
        await _rag.IndexAsync("test_index", "text");

        var (status, body) = await _rag.PostAsync("/persist/test_index", "");

        Assert.Equal(
            (200, $"Successfully persisted index test_index to {_folder.Path("storage")}/test_index."),
            (status, (string?)body!["message"]));
        Assert.True(Directory.Exists(_folder.Path("storage", "test_index")));
        Assert.Contains(
            "rag_persist_requests_total{status=\"success\"} 1.0\n", await _rag.MetricsAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Persist_OtherPlace_IsTakenAsItIs()
    {
        await _rag.IndexAsync("test_index", "text");
        var place = _folder.Path("custom_test_path");

        var (status, body) = await _rag.PostAsync($"/persist/test_index?path={Uri.EscapeDataString(place)}", "");

        Assert.Equal((200, $"Successfully persisted index test_index to {place}."), (status, (string?)body!["message"]));
        Assert.True(Directory.Exists(place));
    }

    [Fact]
    public async Task LoadAfterPersist_SecondName_IsIndependent()
    {
        var ids = (await _rag.IndexAsync("one", "first", "second")).Body!;
        await _rag.PostAsync("/persist/one", "");
        var place = Uri.EscapeDataString(_folder.Path("storage", "one"));

        var (status, body) = await _rag.PostAsync($"/load/two?path={place}", "");
        var order = (await _rag.GetAsync("/indexes/two/documents")).Body!["documents"]!.AsArray()
            .Select(static d => (string)d!["text"]!).ToArray();
        await _rag.PostAsync(
            "/indexes/two/documents/delete", new JsonObject { ["doc_ids"] = new JsonArray((string)ids[0]!["doc_id"]!) });

        Assert.Equal(
            (200, $"Successfully loaded index two from {_folder.Path("storage", "one")}."), (status, (string?)body!["message"]));
        Assert.Equal("""["one","two"]""", (await _rag.GetAsync("/indexes")).Body!.ToJsonString());
        Assert.Equal(2, (int)(await _rag.GetAsync("/indexes/one/documents")).Body!["total_items"]!);
        Assert.Equal(1, (int)(await _rag.GetAsync("/indexes/two/documents")).Body!["total_items"]!);
        Assert.Equal(["first", "second"], order);
        Assert.Contains(
            "rag_load_requests_total{status=\"success\"} 1.0\n", await _rag.MetricsAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Load_MissingPath_Is404()
    {
        var (status, body) = await _rag.PostAsync("/load/x", "");

        Assert.Equal((404, $"Path does not exist: {_folder.Path("storage")}/x"), (status, (string?)body!["detail"]));
    }

    [Theory]
    [InlineData("", 409)]
    [InlineData("?overwrite=True", 200)]
    [InlineData("?overwrite=maybe", 422)]
    public async Task Load_ExistingName_NeedsOverwrite(string query, int expected)
    {
        await _rag.IndexAsync("one", "first");
        await _rag.PostAsync("/persist/one", "");

        Assert.Equal(expected, (await _rag.PostAsync($"/load/one{query}", "")).Status);
    }

    [Fact]
    public async Task Persist_UnknownIndexOrStoresOwnFolder_IsRefused()
    {
        await _rag.IndexAsync("one", "first");

        Assert.Equal(404, (await _rag.PostAsync("/persist/none", "")).Status);
        Assert.Equal(400, (await _rag.PostAsync($"/persist/one?path={Uri.EscapeDataString(_folder.Path("live", "x"))}", "")).Status);
    }

    [Fact]
    public async Task Load_FolderOfUpstream_EmbedsItsTextsAnew()
    {
        var place = _folder.Path("upstream");
        Directory.CreateDirectory(place);
        await File.WriteAllTextAsync(Path.Combine(place, "docstore.json"), """
            {"docstore/metadata":{},"docstore/data":{
              "n1":{"__data__":{"text":"Paris is the capital of France.","metadata":{"lang":"en"},
                "relationships":{"1":{"node_id":"doc1"}}},"__type__":"1"},
              "n2":{"__data__":"{\"text\":\"Bread is baked.\",\"metadata\":{},\"relationships\":{\"1\":{\"node_id\":\"doc2\"}}}"}}}
            """, TestContext.Current.CancellationToken);

        var (status, _) = await _rag.PostAsync($"/load/old?path={Uri.EscapeDataString(place)}", "");
        var (_, found) = await _rag.PostAsync("/retrieve", """{"index_name":"old","query":"capital of France"}""");

        Assert.Equal(200, status);
        Assert.Equal("doc1", (string?)found!["results"]![0]!["doc_id"]);
        Assert.Equal(2, (int)(await _rag.GetAsync("/indexes/old/documents")).Body!["total_items"]!);
    }

    [Fact]
    public async Task Load_FolderWithoutIndex_SaysWhatIsMissing()
    {
        var (status, body) = await _rag.PostAsync($"/load/x?path={Uri.EscapeDataString(_folder.Root)}", "");

        Assert.Equal(500, status);
        Assert.Contains("docstore.json", (string?)body!["detail"], StringComparison.Ordinal);
    }
}
