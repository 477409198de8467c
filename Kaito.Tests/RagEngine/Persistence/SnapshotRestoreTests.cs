using System.Text.Json.Nodes;

namespace Kaito.Tests.RagEngine.Persistence;

/// <summary>The rows of upstream's test_lifecycle.py: what its preStop hook left is there after the start.</summary>
public sealed class SnapshotRestoreTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Start_SnapshotOfUpstream_ServesItsIndexes()
    {
        Write("2026-01-01T00-00-00_pod-old", ("one", "An older text."));
        Write("2026-01-02T00-00-00_pod-new", ("one", "Paris is the capital of France."), ("two", "Bread is baked."));
        Directory.CreateSymbolicLink(_folder.Path("storage", "LATEST"), "systemsnapshots/2026-01-02T00-00-00_pod-new");
        await using var rag = await RagFixture.StartAsync(folder: _folder);

        await IndexesAsync(rag, """["one","two"]""");
        var (_, found) = await rag.PostAsync("/retrieve", """{"index_name":"one","query":"capital of France"}""");

        Assert.Equal("one-doc", (string?)Assert.Single(found!["results"]!.AsArray())!["doc_id"]);
    }

    [Fact]
    public async Task Start_Again_LeavesDeletedWhatWasDeleted()
    {
        Write("2026-01-01T00-00-00_pod-a", ("one", "First."), ("two", "Second."));
        await using (var rag = await RagFixture.StartAsync(folder: _folder))
        {
            await IndexesAsync(rag, """["one","two"]""");
            await rag.DeleteAsync("/indexes/one");
        }

        // What is not there yet shows that the snapshot has been looked at again.
        Write("2026-01-01T00-00-00_pod-a", ("three", "Third."));
        await using var again = await RagFixture.StartAsync(folder: _folder);

        await IndexesAsync(again, """["two","three"]""");
    }

    [Theory]
    [InlineData("gone")]
    [InlineData(null)]
    public async Task Start_LinkThatLeadsNowhere_TakesTheNewest(string? link)
    {
        Write("2026-01-01T00-00-00_pod-b", ("old", "First."));
        Write("2026-01-02T00-00-00_pod-a", ("new", "Second."));
        if (link is not null)
        {
            Directory.CreateSymbolicLink(_folder.Path("storage", "LATEST"), link);
        }

        await using var rag = await RagFixture.StartAsync(folder: _folder);

        await IndexesAsync(rag, """["new"]""");
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("""{"index_names":["broken","one","absent"]}""")]
    public async Task Start_SnapshotInPartUnreadable_RestoresTheRest(string members)
    {
        var snapshot = Write("2026-01-01T00-00-00_pod-a", ("broken", "x"), ("one", "Kept."));
        await File.WriteAllTextAsync(Path.Combine(snapshot, "metadata.json"), members, Cancelled);
        await File.WriteAllTextAsync(Path.Combine(snapshot, "broken", "docstore.json"), "{\"docstore/data\":", Cancelled);
        await using var rag = await RagFixture.StartAsync(folder: _folder);

        await IndexesAsync(rag, """["one"]""");
        Assert.Equal(200, (await rag.GetAsync("/health")).Status);
    }

    [Fact]
    public async Task Start_IndexWrittenBefore_KeepsBoth()
    {
        await using (var before = await RagFixture.StartAsync(folder: _folder))
        {
            await before.IndexAsync("one", "Written here.");
        }

        Write("2026-01-01T00-00-00_pod-a", ("one", "Saved there."));
        await using var rag = await RagFixture.StartAsync(folder: _folder);

        await Eventually.TrueAsync(
            async () => (int)(await rag.GetAsync("/indexes/one/documents")).Body!["total_items"]! == 2,
            TimeSpan.FromSeconds(30), static () => "both documents", Cancelled);
    }

    private static Task IndexesAsync(RagFixture rag, string expected) => Eventually.TrueAsync(
        async () => (await rag.GetAsync("/indexes")).Body!.ToJsonString() == expected,
        TimeSpan.FromSeconds(30), () => expected, Cancelled);

    // As LlamaIndex writes it: one document with one chunk per index.
    private string Write(string snapshot, params (string Index, string Text)[] indexes)
    {
        foreach (var (index, text) in indexes)
        {
            Directory.CreateDirectory(_folder.Path("storage", "systemsnapshots", snapshot, index));
            File.WriteAllText(
                _folder.Path("storage", "systemsnapshots", snapshot, index, "docstore.json"),
                new JsonObject
                {
                    ["docstore/data"] = new JsonObject
                    {
                        [$"{index}-node"] = new JsonObject
                        {
                            ["__data__"] = new JsonObject
                            {
                                ["text"] = text,
                                ["metadata"] = new JsonObject(),
                                ["relationships"] = new JsonObject { ["1"] = new JsonObject { ["node_id"] = $"{index}-doc" } },
                            },
                        },
                    },
                }.ToJsonString());
        }

        var folder = _folder.Path("storage", "systemsnapshots", snapshot);
        File.WriteAllText(
            Path.Combine(folder, "metadata.json"),
            new JsonObject
            {
                ["version"] = 1,
                ["index_names"] = new JsonArray(
                    [.. Directory.GetDirectories(folder).Select(static f => (JsonNode)Path.GetFileName(f)).OrderBy(static n => (string?)n, StringComparer.Ordinal)]),
            }.ToJsonString());
        return folder;
    }
}
