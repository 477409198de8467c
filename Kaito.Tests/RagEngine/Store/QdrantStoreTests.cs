using Kaito.RagEngine.Embedding;
using Kaito.RagEngine.Store;
using Kaito.RagEngine.Store.Embedded;
using Kaito.Tests.RagEngine.Store.Qdrants;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaito.Tests.RagEngine.Store;

public sealed class QdrantStoreTests : DocumentStoreContract
{
    private const string Index = "index one/ü";

    private readonly ScratchFolder _folder = new();
    private QdrantServer _server = null!;

    [Fact]
    public async Task Open_AfterAStop_FindsEverythingAgain()
    {
        await CreateAsync(Document("a", "apple pie"), Document("b", "banana bread"));
        await Store.RemoveAsync(Index, ["b"], Cancelled);
        await using var again = await QdrantStores.OpenAsync(_server);

        Assert.Equal([Description(Index)], await again.ListAsync(Cancelled));
        var found = (await again.SearchAsync(Index, Query("apple"), Cancelled))!;
        Assert.Equal("a", Assert.Single(found.Dense).Passage.DocumentId);
        Assert.Single(found.Sparse);
    }

    [Fact]
    public async Task Drop_Index_LeavesNothingOnTheServer()
    {
        await CreateAsync(Document("a", "apple"));
        await Store.DropAsync(Index, Cancelled);

        Assert.Empty(_server.State.Collections);
        Assert.Empty(_server.State.Aliases);
    }

    [Fact]
    public async Task Changes_OfDocuments_LeaveNoRubbish()
    {
        await CreateAsync(Document("a", "apple", "avocado"), Document("b", "banana"));
        await Store.ReplaceAsync(Index, [Document("a", "artichoke")], Cancelled);
        await Store.RemoveAsync(Index, ["b"], Cancelled);

        Assert.Equal((1, 1, 0), (_server.State.Count("chunk"), _server.State.Count("document"), _server.State.Count("write")));
    }

    [Fact]
    public async Task Collections_OfOthers_AreNeitherListedNorTouched()
    {
        _server.State.AddForeign("docs");
        _server.State.AddForeign("kaito-docs");
        await using var again = await QdrantStores.OpenAsync(_server, clock: new HastyTime(TimeSpan.FromDays(1)));
        Assert.True(await again.TryCreateAsync(Description("docs"), [Document("a", "apple")], Cancelled));

        Assert.Equal(["docs"], (await again.ListAsync(Cancelled)).Select(static d => d.Name));
        await again.DropAsync("docs", Cancelled);
        Assert.Equal(["docs", "kaito-docs"], _server.State.Collections.Order());
    }

    [Fact]
    public async Task Prefixes_Different_KeepServicesApart()
    {
        await CreateAsync(Document("a", "apple"));
        await using var other = await QdrantStores.OpenAsync(_server, new() { StorePrefix = "other-" });

        Assert.Empty(await other.ListAsync(Cancelled));
        Assert.True(await other.TryCreateAsync(Description(Index), [Document("b", "banana")], Cancelled));
        Assert.Equal(["a"], (await PageAsync()).Passages.Select(static p => p.DocumentId));
    }

    [Fact]
    public async Task Stores_OnOneServer_SeeEachOthersChanges()
    {
        await using var other = await QdrantStores.OpenAsync(_server);
        await CreateAsync(Document("a", "apple"));
        Assert.Equal(1, (await other.PageAsync(Index, MetadataFilter.None, 0, 10, Cancelled))!.Total);

        await Store.DropAsync(Index, Cancelled);
        await CreateAsync(Document("b", "banana"));

        Assert.Equal(
            ["b"], (await other.PageAsync(Index, MetadataFilter.None, 0, 10, Cancelled))!.Passages.Select(static p => p.DocumentId));
        Assert.True(await other.AddAsync(Index, [Document("c", "cherry")], Cancelled));
        Assert.Equal(2, (await PageAsync()).Total);
    }

    [Fact]
    public async Task Aliases_LostByARestore_LoseNoCollection()
    {
        await CreateAsync(Document("a", "apple"));
        _server.State.LoseAliases();
        await using var again = await QdrantStores.OpenAsync(_server, clock: new HastyTime(TimeSpan.FromDays(30)));

        Assert.Empty(await again.ListAsync(Cancelled));
        Assert.Single(_server.State.Collections);
    }

    [Fact]
    public async Task Index_OfAnotherVersion_IsRefusedAloneAndNotReplaced()
    {
        await CreateAsync(Document("a", "apple"));
        _server.State.ChangeFormat(9);
        await using var again = await QdrantStores.OpenAsync(_server);
        Assert.True(await again.TryCreateAsync(Description("two"), [Document("b", "banana")], Cancelled));

        var refused = await Assert.ThrowsAsync<StoreException>(
            () => again.TryCreateAsync(Description(Index), [Document("c", "cherry")], Cancelled));
        Assert.Contains("format 9", refused.Message, StringComparison.Ordinal);
        Assert.Contains("format 9", await again.ProbeAsync(Cancelled), StringComparison.Ordinal);
        Assert.Equal(["two"], (await again.ListAsync(Cancelled)).Select(static d => d.Name));
        Assert.Equal(2, _server.State.Collections.Length);
    }

    [Fact]
    public async Task Page_OrderOfInsertion_IsKeptAcrossPagesAndWrites()
    {
        await CreateAsync(Document("first", "t0"));
        for (var i = 0; i < 3; i++)
        {
            await Store.AddAsync(
                Index, [.. Enumerable.Range(i * 100, 100).Select(static n => Document($"d{n:D3}", $"text {n}"))], Cancelled);
        }

        var seen = new List<string>();
        for (var offset = 0; offset < 310; offset += 37)
        {
            var page = (await Store.PageAsync(Index, MetadataFilter.None, offset, 37, Cancelled))!;
            Assert.Equal(301, page.Total);
            seen.AddRange(page.Passages.Select(static p => p.DocumentId));
        }

        Assert.Equal(["first", .. Enumerable.Range(0, 300).Select(static n => $"d{n:D3}")], seen);
    }

    [Fact]
    public async Task Add_MoreThanOneBatch_IsWholeAndInOrder()
    {
        await CreateAsync(Document("first", "t0"));
        string[] texts = [.. Enumerable.Range(0, 700).Select(static n => $"chunk number {n}")];
        await Store.AddAsync(Index, [Document("big", texts)], Cancelled);

        var page = (await Store.PageAsync(Index, MetadataFilter.None, 1, 1000, Cancelled))!;
        Assert.Equal(texts, page.Passages.Select(static p => p.Text));
        Assert.Equal((701, 0), (page.Total, _server.State.Count("write")));
    }

    [Fact]
    public async Task Messages_BeyondFourMebibytes_Pass()
    {
        var huge = new string('x', 5 << 20);
        string[] large = [.. Enumerable.Range(0, 100).Select(static n => $"{n} {new string('y', 60_000)}")];
        await CreateAsync(Document("huge", huge), Document("large", large));

        var page = (await Store.PageAsync(Index, MetadataFilter.None, 0, 200, Cancelled))!;
        Assert.Equal([huge, .. large], page.Passages.Select(static p => p.Text));
        Assert.True(_server.Largest > 5 << 20);
    }

    [Fact]
    public async Task Search_ByWords_RanksAsTheEmbeddedStoreDoes()
    {
        StoredDocument[] documents =
        [
            Document("a", "The gateway returns error KX-4711 when the quota is used up."),
            Document("b", "Errors of the gateway are listed below, with the quota of each plan."),
            Document("c", "Bread is baked in a hot oven; the oven is cleaned on Mondays."),
            Document("d", "Die Bäckerei öffnet montags; the gateway is closed."),
            Document("e", "Nothing of this kind."),
        ];
        await CreateAsync(documents);
        await using var embedded = Embedded("live");
        await embedded.OpenAsync(Cancelled);
        await embedded.TryCreateAsync(Description(Index), documents, Cancelled);

        foreach (var question in (string[])["KX-4711", "gateway quota", "oven", "baeckerei montags", "ovens mondays", "plan"])
        {
            var here = (await Store.SearchAsync(Index, Query(question), Cancelled))!;
            var there = (await embedded.SearchAsync(Index, Query(question), Cancelled))!;
            Assert.Equal(there.Sparse.Select(IdOf), here.Sparse.Select(IdOf));
            Assert.Equal(there.Dense.Select(IdOf), here.Dense.Select(IdOf));
            Assert.All(here.Sparse, hit => Assert.Equal(
                there.Sparse.Single(h => IdOf(h) == IdOf(hit)).Cosine!.Value, hit.Cosine!.Value, 1e-5));
        }

        static string IdOf(Hit hit) => hit.Passage.DocumentId;
    }

    [Fact]
    public async Task Copies_OfEitherStore_LoadInTheOther()
    {
        var filtered = Document("m", "melon") with { Metadata = """{"kind":"fruit"}""" };
        await CreateAsync(Document("a", "apple", "avocado"), filtered, Document("e"));
        Assert.True(await Store.SaveAsync(Index, _folder.Path("copy"), Cancelled));
        await using var embedded = Embedded("live");
        await embedded.OpenAsync(Cancelled);
        Assert.True(await embedded.LoadAsync("there", _folder.Path("copy"), Cancelled));
        Assert.Equal(["apple", "avocado", "melon"], await TextsAsync(embedded, "there"));

        await embedded.AddAsync("there", [Document("z", "zucchini")], Cancelled);
        Assert.True(await embedded.SaveAsync("there", _folder.Path("back"), Cancelled));
        Assert.True(await Store.LoadAsync(Index, _folder.Path("back"), Cancelled));

        Assert.Equal(["apple", "avocado", "melon", "zucchini"], await TextsAsync(Store, Index));
        Assert.Equal(4, (await Store.HashesAsync(Index, ["a", "m", "e", "z"], Cancelled))!.Count);
        var found = (await Store.SearchAsync(Index, Query("melon") with { WithVectors = true }, Cancelled))!;
        Assert.Equal(HashedGrams.Embed("melon"), found.Sparse[0].Vector.ToArray());
        Assert.Single(_server.State.Collections);
    }

    [Fact]
    public async Task Load_DamagedCopy_ChangesNothing()
    {
        await CreateAsync(Document("a", "apple"));
        Directory.CreateDirectory(_folder.Path("copy"));
        await File.WriteAllTextAsync(_folder.Path("copy", SqliteStore.CopyName), new string('x', 9000), Cancelled);

        await Assert.ThrowsAsync<StoreException>(() => Store.LoadAsync(Index, _folder.Path("copy"), Cancelled));
        Assert.False(await Store.LoadAsync(Index, _folder.Path("none"), Cancelled));
        Assert.Equal(["apple"], await TextsAsync(Store, Index));
    }

    private protected override async ValueTask BeginAsync() => _server = await QdrantServer.StartAsync();

    private protected override async ValueTask EndAsync()
    {
        await _server.DisposeAsync();
        _folder.Dispose();
    }

    private protected override IDocumentStore Make() =>
        QdrantStores.On(_server, new() { LiveFolder = _folder.Path("scratch") });

    private SqliteStore Embedded(string folder) => new(
        new() { LiveFolder = _folder.Path(folder) }, TimeProvider.System, NullLogger<SqliteStore>.Instance);

    private static async Task<string[]> TextsAsync(IDocumentStore store, string index) =>
        [.. (await store.PageAsync(index, MetadataFilter.None, 0, 100, Cancelled))!.Passages.Select(static p => p.Text)];
}

/// <summary>Servers before 1.17 answer vectors in other fields.</summary>
public sealed class OldQdrantTests : DocumentStoreContract
{
    private QdrantServer _server = null!;

    [Fact]
    public async Task Open_ServerBeforeTheOldest_NamesTheOldest()
    {
        _server.State.Version = "1.12.4";
        await using var store = QdrantStores.On(_server);

        var refused = await Assert.ThrowsAsync<StoreException>(() => store.OpenAsync(Cancelled));

        Assert.Contains("1.13", refused.Message, StringComparison.Ordinal);
    }

    private protected override async ValueTask BeginAsync()
    {
        _server = await QdrantServer.StartAsync();
        _server.State.Version = "1.15.2";
    }

    private protected override async ValueTask EndAsync() => await _server.DisposeAsync();

    private protected override IDocumentStore Make() => QdrantStores.On(_server);
}

/// <summary>A real server: set QDRANT_URL to its gRPC address, and QDRANT_API_KEY if it asks for one.</summary>
public sealed class LiveQdrantTests : DocumentStoreContract
{
    private static readonly string? s_url = Environment.GetEnvironmentVariable("QDRANT_URL");

    private readonly string _prefix = $"kaito-test-{Environment.TickCount64}-{Environment.ProcessId}-";

    private protected override ValueTask BeginAsync()
    {
        Assert.SkipUnless(s_url is { Length: > 0 }, "QDRANT_URL is not set.");
        return ValueTask.CompletedTask;
    }

    private protected override async ValueTask EndAsync()
    {
        foreach (var index in await Store.ListAsync(Cancelled))
        {
            await Store.DropAsync(index.Name, Cancelled);
        }
    }

    private protected override IDocumentStore Make() => QdrantStores.On(
        new Uri(s_url!),
        new() { StorePrefix = _prefix, StoreKey = Environment.GetEnvironmentVariable("QDRANT_API_KEY") },
        TimeProvider.System);
}
