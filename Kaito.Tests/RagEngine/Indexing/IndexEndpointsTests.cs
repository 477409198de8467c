using System.Text.Json.Nodes;

namespace Kaito.Tests.RagEngine.Indexing;

/// <summary>The rows of upstream's test_main.py and test_base_store.py that concern documents.</summary>
public sealed class IndexEndpointsTests : IAsyncLifetime
{
    private RagFixture _rag = null!;

    public async ValueTask InitializeAsync() => _rag = await RagFixture.StartAsync();

    public async ValueTask DisposeAsync() => await _rag.DisposeAsync();

    [Fact]
    public async Task Index_TwoTexts_EchoesThemWithIdsInOrder()
    {
        var (status, body) = await IndexAsync("test_index", "This is a test document", "Another test document");

        Assert.Equal(200, status);
        Assert.Equal(
            ["This is a test document", "Another test document"], body!.AsArray().Select(static d => (string?)d!["text"]));
        Assert.All(body.AsArray(), static d =>
        {
            Assert.Matches("^[0-9a-f]{64}$", (string?)d!["doc_id"]);
            Assert.Empty(d["metadata"]!.AsObject());
            Assert.Null(d["hash_value"]);
            Assert.False((bool)d["is_truncated"]!);
        });
        Assert.Equal(["doc_id", "text", "metadata", "hash_value", "is_truncated"], body[0]!.AsObject().Select(static m => m.Key));
        Assert.Contains(
            "rag_index_requests_total{status=\"success\"} 1.0\n", await _rag.MetricsAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Index_NoDocuments_MakesNoIndex()
    {
        var (status, body) = await IndexAsync("empty");

        Assert.Equal((200, 0), (status, body!.AsArray().Count));
        Assert.Empty((await _rag.GetAsync("/indexes")).Body!.AsArray());
    }

    [Fact]
    public async Task Index_BlankDocument_MakesTheIndexAndListsNothing()
    {
        await IndexAsync("blank", "  ");

        Assert.Equal("blank", (string?)(await _rag.GetAsync("/indexes")).Body![0]);
        Assert.Equal(0, (int)(await _rag.GetAsync("/indexes/blank/documents")).Body!["total_items"]!);
    }

    [Fact]
    public async Task Index_PresentText_IsEchoedAndNotStoredTwice()
    {
        await IndexAsync("i", "one");
        var (status, body) = await IndexAsync("i", "one", "two", "two");

        Assert.Equal((200, 3), (status, body!.AsArray().Count));
        Assert.Equal(["one", "two"], await TextsAsync("i"));
    }

    [Fact]
    public async Task Index_TenMore_ListsAllInOrderOfInsertion()
    {
        string[] texts = [.. Enumerable.Range(0, 11).Select(static i => $"Document number {i}")];
        await IndexAsync("i", texts[0]);
        await IndexAsync("i", texts[1..]);

        Assert.Equal(texts, await TextsAsync("i"));
    }

    [Fact]
    public async Task Documents_BeforeCreation_IsUpstreamsExact404()
    {
        using var response = await _rag.Http.GetAsync(
            "/indexes/test_index/documents", TestContext.Current.CancellationToken);

        Assert.Equal(404, (int)response.StatusCode);
        Assert.Equal(
            "{\"detail\":\"No such index: 'test_index' exists.\"}",
            await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Contains(
            "rag_indexes_document_requests_total{status=\"failure\"} 1.0\n", await _rag.MetricsAsync(),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("index1", "1e64a170be48c45efeaa8667ab35919106da0489ec99a11d0029f2842db133aa")]
    [InlineData("index2", "a222f875b83ce8b6eb72b3cae278b620de9bcc7c6b73222424d3ce979d1a463b")]
    public async Task Documents_HashValue_IsUpstreamsNodeHash(string index, string hash)
    {
        await _rag.PostAsync("/index", new JsonObject
        {
            ["index_name"] = index,
            ["documents"] = new JsonArray(new JsonObject
            {
                ["text"] = $"First document in {index}",
                ["metadata"] = new JsonObject { ["type"] = "text" },
            }),
        });

        Assert.Equal(
            hash, (string?)(await _rag.GetAsync($"/indexes/{index}/documents")).Body!["documents"]![0]!["hash_value"]);
    }

    [Theory]
    [InlineData("limit=5&offset=0", 5)]
    [InlineData("limit=5&offset=5", 5)]
    [InlineData("limit=5&offset=10", 0)]
    [InlineData("limit=15", 10)]
    [InlineData("limit=1", 1)]
    [InlineData("", 10)]
    public async Task Documents_Paging_CountsTheReturned(string query, int count)
    {
        await IndexAsync("i", [.. Enumerable.Range(0, 10).Select(static i => $"Document {i}")]);

        var (_, body) = await _rag.GetAsync($"/indexes/i/documents?{query}");

        Assert.Equal((count, 10, count), ((int)body!["count"]!, (int)body["total_items"]!, body["documents"]!.AsArray().Count));
    }

    [Theory]
    [InlineData("max_text_length=5", "🎉bcde", true)]
    [InlineData("max_text_length=8", "🎉bcdefgh", false)]
    [InlineData("", "🎉bcdefgh", false)]
    public async Task Documents_MaxTextLength_CutsCharacters(string query, string text, bool cut)
    {
        await IndexAsync("i", "🎉bcdefgh");

        var document = (await _rag.GetAsync($"/indexes/i/documents?{query}")).Body!["documents"]![0]!;

        Assert.Equal((text, cut), ((string?)document["text"], (bool)document["is_truncated"]!));
    }

    [Theory]
    [InlineData("%7B%22filename%22%3A%22test.txt%22%7D", 1)]
    [InlineData("%7B%22filename%22%3A%22test.txt%22%2C%22branch%22%3A%22main%22%7D", 1)]
    [InlineData("%7B%22branch%22%3A%22main%22%7D", 2)]
    [InlineData("%7B%22branch%22%3A%22dev%22%7D", 0)]
    [InlineData("null", 3)]
    [InlineData("", 3)]
    public async Task Documents_MetadataFilter_SelectsAndCounts(string filter, int count)
    {
        await _rag.PostAsync("/index", """
            {"index_name":"i","documents":[
              {"text":"a","metadata":{"filename":"test.txt","branch":"main"}},
              {"text":"b","metadata":{"filename":"other.txt","branch":"main"}},{"text":"c"}]}
            """);

        var (status, body) = await _rag.GetAsync($"/indexes/i/documents?metadata_filter={filter}");

        Assert.Equal((200, count, count), (status, (int)body!["count"]!, (int)body["total_items"]!));
    }

    [Fact]
    public async Task Documents_FilterThatIsNoJson_Is400InUpstreamsWords()
    {
        await IndexAsync("i", "a");

        var (status, body) = await _rag.GetAsync("/indexes/i/documents?metadata_filter=invalidjsonstring");

        Assert.Equal(
            (400, "Invalid metadata filter format. Must be a valid JSON string."), (status, (string?)body!["detail"]));
    }

    [Fact]
    public async Task Update_ChangedUnknownAndSame_AreToldApart()
    {
        var ids = (await IndexAsync("i", "first text", "second text")).Body!.AsArray()
            .Select(static d => (string)d!["doc_id"]!).ToArray();
        var request = new JsonObject
        {
            ["documents"] = new JsonArray(
                new JsonObject { ["doc_id"] = ids[1], ["text"] = "changed text" },
                new JsonObject { ["doc_id"] = "nonexistingdoc", ["text"] = "x" },
                new JsonObject { ["doc_id"] = ids[0], ["text"] = "first text" }),
        };

        var (status, body) = await _rag.PostAsync("/indexes/i/documents", request);

        Assert.Equal(200, status);
        Assert.Equal(["updated_documents", "unchanged_documents", "not_found_documents"], body!.AsObject().Select(m => m.Key));
        Assert.Equal(ids[1], (string?)Assert.Single(body["updated_documents"]!.AsArray())!["doc_id"]);
        Assert.Equal(ids[0], (string?)Assert.Single(body["unchanged_documents"]!.AsArray())!["doc_id"]);
        Assert.Equal("nonexistingdoc", (string?)Assert.Single(body["not_found_documents"]!.AsArray())!["doc_id"]);
        Assert.Equal(["first text", "changed text"], await TextsAsync("i"));
        var again = (await _rag.PostAsync("/indexes/i/documents", request)).Body!;
        Assert.Empty(again["updated_documents"]!.AsArray());
        Assert.Equal(2, again["unchanged_documents"]!.AsArray().Count);
    }

    [Fact]
    public async Task Update_Text_RetrievesTheNewOne()
    {
        var id = (string)(await IndexAsync("i", "the old answer")).Body![0]!["doc_id"]!;
        await _rag.PostAsync("/indexes/i/documents", new JsonObject
        {
            ["documents"] = new JsonArray(new JsonObject { ["doc_id"] = id, ["text"] = "This is an updated test document" }),
        });

        var (_, body) = await _rag.PostAsync("/retrieve", """{"index_name":"i","query":"updates test query"}""");

        var result = Assert.Single(body!["results"]!.AsArray())!;
        Assert.Equal((id, "This is an updated test document"), ((string?)result["doc_id"], (string?)result["text"]));
    }

    [Fact]
    public async Task Delete_KnownAndUnknown_AreToldApart()
    {
        var id = (string)(await IndexAsync("i", "one", "two")).Body![1]!["doc_id"]!;

        var (status, body) = await _rag.PostAsync(
            "/indexes/i/documents/delete", new JsonObject { ["doc_ids"] = new JsonArray(id, "nonexistingdoc") });

        Assert.Equal(200, status);
        Assert.Equal(
            $$"""{"deleted_doc_ids":["{{id}}"],"not_found_doc_ids":["nonexistingdoc"]}""", body!.ToJsonString());
        Assert.Equal(["one"], await TextsAsync("i"));
        await AssertCountedAsync("rag_index", "rag_indexes_document", "rag_indexes_delete_document");
    }

    [Fact]
    public async Task Delete_TenAndAnUnknownOne_LeavesNone()
    {
        string[] ids =
        [
            .. (await IndexAsync("i", [.. Enumerable.Range(0, 10).Select(static i => $"Document {i}")])).Body!.AsArray()
                .Select(static d => (string)d!["doc_id"]!),
        ];

        var (_, body) = await _rag.PostAsync(
            "/indexes/i/documents/delete",
            new JsonObject { ["doc_ids"] = new JsonArray([.. ids.Append("bad").Select(static id => (JsonNode)id)]) });

        Assert.Equal(ids, body!["deleted_doc_ids"]!.AsArray().Select(static id => (string)id!));
        Assert.Equal("bad", (string?)Assert.Single(body["not_found_doc_ids"]!.AsArray()));
        Assert.Empty(await TextsAsync("i"));
    }

    [Fact]
    public async Task DeleteIndex_Existing_IsGone()
    {
        await IndexAsync("test_index", [.. Enumerable.Repeat("the same", 10)]);

        var (status, body) = await _rag.DeleteAsync("/indexes/test_index");

        Assert.Equal((200, "Successfully deleted index test_index."), (status, (string?)body!["message"]));
        Assert.Equal(404, (await _rag.GetAsync("/indexes/test_index/documents")).Status);
        Assert.Equal(404, (await _rag.DeleteAsync("/indexes/test_index")).Status);
        Assert.Empty((await _rag.GetAsync("/indexes")).Body!.AsArray());
        await AssertCountedAsync("rag_delete_index", "rag_indexes");
    }

    [Fact]
    public async Task Index_CodeWithoutLanguage_SaysSoAndStoresNothing()
    {
        var (status, body) = await _rag.PostAsync("/index", """
            {"index_name":"i","documents":[{"text":"fine"},{"text":"x","metadata":{"split_type":"code"}}]}
            """);

        Assert.Equal((400, "Language not specified in node metadata."), (status, (string?)body!["detail"]));
        Assert.Empty((await _rag.GetAsync("/indexes")).Body!.AsArray());
    }

    [Theory]
    [InlineData("", "missing", "[\"body\"]")]
    [InlineData("{", "json_invalid", "[\"body\",1]")]
    [InlineData("[]", "model_attributes_type", "[\"body\"]")]
    [InlineData("{\"documents\":[]}", "missing", "[\"body\",\"index_name\"]")]
    [InlineData("{\"index_name\":1,\"documents\":[]}", "string_type", "[\"body\",\"index_name\"]")]
    [InlineData("{\"index_name\":\"i\",\"documents\":{}}", "list_type", "[\"body\",\"documents\"]")]
    [InlineData("{\"index_name\":\"i\",\"documents\":[{}]}", "missing", "[\"body\",\"documents\",0,\"text\"]")]
    [InlineData("{\"index_name\":\"i\",\"documents\":[3]}", "model_attributes_type", "[\"body\",\"documents\",0]")]
    [InlineData("{\"index_name\":\"i\",\"documents\":[{\"text\":\"\",\"metadata\":[]}]}", "dict_type", "[\"body\",\"documents\",0,\"metadata\"]")]
    [InlineData("{\"index_name\":\"\\ud800\",\"documents\":[]}", "string_unicode", "[\"body\"]")]
    public async Task Index_MalformedBody_IsA422AsFastApiWritesIt(string json, string type, string place)
    {
        var (status, body) = await _rag.PostAsync("/index", json);

        Assert.Equal(422, status);
        var problem = body!["detail"]![0]!;
        Assert.Equal((type, place), ((string?)problem["type"], problem["loc"]!.ToJsonString()));
        Assert.NotNull(problem["msg"]);
        Assert.True(problem.AsObject().ContainsKey("input"));
    }

    [Theory]
    [InlineData("limit=0", "greater_than_equal", "Input should be greater than or equal to 1")]
    [InlineData("limit=101", "less_than_equal", "Input should be less than or equal to 100")]
    [InlineData("limit=x", "int_parsing", "Input should be a valid integer, unable to parse string as an integer")]
    [InlineData("offset=-1", "greater_than_equal", "Input should be greater than or equal to 0")]
    [InlineData("max_text_length=0", "greater_than_equal", "Input should be greater than or equal to 1")]
    public async Task Documents_QueryOutOfBounds_IsA422(string query, string type, string message)
    {
        var (status, body) = await _rag.GetAsync($"/indexes/i/documents?{query}");

        Assert.Equal((422, type, message), (status, (string?)body!["detail"]![0]!["type"], (string?)body["detail"]![0]!["msg"]));
    }

    private Task<(int Status, JsonNode? Body)> IndexAsync(string index, params string[] texts) =>
        _rag.IndexAsync(index, texts);

    private async Task AssertCountedAsync(params string[] operations)
    {
        var metrics = await _rag.MetricsAsync();
        Assert.All(operations, operation => Assert.Contains(
            $"{operation}_requests_total{{status=\"success\"}} 1.0\n", metrics, StringComparison.Ordinal));
    }

    private async Task<string[]> TextsAsync(string index) =>
        [.. (await _rag.GetAsync($"/indexes/{index}/documents?limit=100")).Body!["documents"]!.AsArray()
            .Select(static d => (string)d!["text"]!)];
}
