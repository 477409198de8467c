using Kaito.RagEngine.Store;
using Kaito.RagEngine.Store.Embedded;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaito.Tests.RagEngine.Store;

public sealed class SqliteStoreTests : DocumentStoreContract, IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Open_AfterAStop_FindsEverythingAgain()
    {
        await CreateAsync(Document("a", "apple pie"), Document("b", "banana bread"));
        await Store.RemoveAsync("index one/ü", ["b"], Cancelled);
        await Store.DisposeAsync();
        await using var again = Make();
        await again.OpenAsync(Cancelled);

        Assert.Equal(["index one/ü"], (await again.ListAsync(Cancelled)).Select(static d => d.Name));
        var found = (await again.SearchAsync("index one/ü", Query("apple"), Cancelled))!;
        Assert.Equal("a", Assert.Single(found.Dense).Passage.DocumentId);
        Assert.Single(found.Sparse);
    }

    [Fact]
    public async Task Open_FolderInUse_NamesTheRemedy()
    {
        await using var second = Make();

        var refused = await Assert.ThrowsAsync<StoreException>(() => second.OpenAsync(Cancelled));

        Assert.Contains("RAG_DATA_DIR", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_DamagedFile_KeepsTheOthersAndSaysSo()
    {
        await CreateAsync(Document("a", "apple"));
        await Store.DisposeAsync();
        await File.WriteAllTextAsync(_folder.Path("live", "0000000000000000001.db"), new string('x', 9000), Cancelled);
        await using var again = Make();
        await again.OpenAsync(Cancelled);

        Assert.Single(await again.ListAsync(Cancelled));
        Assert.Contains("0000000000000000001.db", await again.ProbeAsync(Cancelled), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_UnfinishedFile_IsCleanedAway()
    {
        await Store.DisposeAsync();
        using (SqliteFile.OpenWriter(_folder.Path("live", "0000000000000000002.db")))
        {
            // Made, and nothing written: what a process leaves that ends while it creates an index.
        }

        await using var again = Make();
        await again.OpenAsync(Cancelled);

        Assert.Empty(await again.ListAsync(Cancelled));
        Assert.Null(await again.ProbeAsync(Cancelled));
        Assert.Empty(Directory.GetFiles(_folder.Path("live"), "*.db"));
    }

    [Fact]
    public async Task Drop_Index_LeavesNoFile()
    {
        await CreateAsync(Document("a", "apple"));
        await Store.DropAsync("index one/ü", Cancelled);

        Assert.Equal(["lock"], Directory.GetFiles(_folder.Path("live")).Select(Path.GetFileName));
    }

    [Fact]
    public async Task SaveAndLoad_UnderAnotherName_AreIndependentAndSearchable()
    {
        await CreateAsync(Document("a", "apple"), Document("b", "banana"));
        Assert.True(await Store.SaveAsync("index one/ü", _folder.Path("copy"), Cancelled));
        Assert.True(await Store.LoadAsync("second", _folder.Path("copy"), Cancelled));
        await Store.RemoveAsync("second", ["a"], Cancelled);

        Assert.Equal(2, (await PageAsync()).Total);
        var found = (await Store.SearchAsync("second", Query("banana"), Cancelled))!;
        Assert.Equal("b", Assert.Single(found.Sparse).Passage.DocumentId);
        Assert.Equal(["index one/ü", "second"], (await Store.ListAsync(Cancelled)).Select(static d => d.Name));
    }

    [Fact]
    public async Task Load_OverAnExistingIndex_ReplacesItForGood()
    {
        await CreateAsync(Document("a", "apple"));
        await Store.SaveAsync("index one/ü", _folder.Path("copy"), Cancelled);
        await Store.AddAsync("index one/ü", [Document("b", "banana")], Cancelled);
        await Store.LoadAsync("index one/ü", _folder.Path("copy"), Cancelled);

        Assert.Equal(["a"], (await PageAsync()).Passages.Select(static p => p.DocumentId));
        Assert.Single(Directory.GetFiles(_folder.Path("live"), "*.db"));
    }

    [Fact]
    public async Task Load_TornCopy_IsRefusedAndChangesNothing()
    {
        await CreateAsync(Document("a", "apple"));
        await Store.SaveAsync("index one/ü", _folder.Path("copy"), Cancelled);
        await using (var copy = File.OpenWrite(_folder.Path("copy", SqliteStore.CopyName)))
        {
            copy.SetLength(copy.Length / 2);
        }

        await Assert.ThrowsAsync<StoreException>(() => Store.LoadAsync("index one/ü", _folder.Path("copy"), Cancelled));
        Assert.Equal(["a"], (await PageAsync()).Passages.Select(static p => p.DocumentId));
    }

    [Fact]
    public async Task Save_WhileWritersGoOn_IsAConsistentState()
    {
        await CreateAsync(Document("d0", "text 0"));
        var writing = Task.Run(
            async () =>
            {
                for (var i = 1; i < 60; i++)
                {
                    await Store.AddAsync("index one/ü", [Document($"d{i}", $"text {i}")], Cancelled);
                }
            },
            Cancelled);
        for (var copy = 0; copy < 5; copy++)
        {
            await Store.SaveAsync("index one/ü", _folder.Path($"copy{copy}"), Cancelled);
        }

        await writing;
        for (var copy = 0; copy < 5; copy++)
        {
            await Store.LoadAsync($"c{copy}", _folder.Path($"copy{copy}"), Cancelled);
            var page = (await Store.PageAsync($"c{copy}", MetadataFilter.None, 0, 100, Cancelled))!;
            Assert.Equal(
                Enumerable.Range(0, page.Total).Select(static i => $"d{i}"),
                page.Passages.Select(static p => p.DocumentId));
        }
    }

    private protected override IDocumentStore Make() => new SqliteStore(
        new() { LiveFolder = _folder.Path("live") }, TimeProvider.System, NullLogger<SqliteStore>.Instance);
}
