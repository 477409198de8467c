using System.Text.Json;
using Kaito.RagEngine.Embedding;
using Kaito.RagEngine.Store;

namespace Kaito.Tests.RagEngine.Store;

/// <summary>What every store must do; derive once per implementation.</summary>
public abstract class DocumentStoreContract : IAsyncLifetime
{
    private const string Index = "index one/ü";

    private IDocumentStore _store = null!;

    private protected static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private protected IDocumentStore Store => _store;

    public async ValueTask InitializeAsync()
    {
        await BeginAsync();
        _store = Make();
        await _store.OpenAsync(Cancelled);
    }

    public async ValueTask DisposeAsync()
    {
        // Nothing was made when the test was skipped.
        if (_store is not null)
        {
            await EndAsync();
            await _store.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task TryCreate_TwiceTheSameName_IsFalseAndKeepsTheFirst()
    {
        Assert.True(await CreateAsync(Document("a", "first")));
        Assert.False(await CreateAsync(Document("b", "second")));

        Assert.Equal(["a"], (await PageAsync()).Passages.Select(static p => p.DocumentId));
    }

    [Fact]
    public async Task List_SeveralIndexes_IsInOrderOfCreation()
    {
        foreach (var name in new[] { "zeta", "alpha", "mid" })
        {
            await _store.TryCreateAsync(Description(name), [Document("a", "text")], Cancelled);
        }

        Assert.Equal(["zeta", "alpha", "mid"], (await _store.ListAsync(Cancelled)).Select(static d => d.Name));
        Assert.All(await _store.ListAsync(Cancelled), static d => Assert.Equal(HashedGrams.Name, d.Embedder));
    }

    [Fact]
    public async Task EveryCall_UnknownIndex_SaysSo()
    {
        Assert.False(await _store.AddAsync("none", [Document("a", "x")], Cancelled));
        Assert.False(await _store.ReplaceAsync("none", [Document("a", "x")], Cancelled));
        Assert.Null(await _store.RemoveAsync("none", ["a"], Cancelled));
        Assert.Null(await _store.HashesAsync("none", ["a"], Cancelled));
        Assert.Null(await _store.PageAsync("none", MetadataFilter.None, 0, 10, Cancelled));
        Assert.Null(await _store.SearchAsync("none", Query("x"), Cancelled));
        Assert.False(await _store.DropAsync("none", Cancelled));
    }

    [Fact]
    public async Task Add_TakenId_KeepsWhatIsThere()
    {
        await CreateAsync(Document("a", "kept text"));
        Assert.True(await _store.AddAsync(Index, [Document("a", "other"), Document("b", "new")], Cancelled));

        Assert.Equal(["kept text", "new"], (await PageAsync()).Passages.Select(static p => p.Text).Order());
    }

    [Fact]
    public async Task Replace_KnownAndUnknownIds_ReplacesTheKnownOnly()
    {
        await CreateAsync(Document("a", "old words", "old second chunk"), Document("b", "other"));
        await _store.ReplaceAsync(Index, [Document("a", "new words"), Document("c", "never")], Cancelled);

        Assert.Equal(["new words", "other"], (await PageAsync()).Passages.Select(static p => p.Text).Order());
        var found = (await _store.SearchAsync(Index, Query("old second chunk"), Cancelled))!;
        Assert.Empty(found.Sparse);
        Assert.DoesNotContain(found.Dense, static hit => hit.Passage.Text.Contains("old", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Remove_SomeIds_ReturnsThoseThatWereThere()
    {
        await CreateAsync(Document("a", "apple"), Document("b", "banana"));

        var gone = await _store.RemoveAsync(Index, ["a", "zz"], Cancelled);

        Assert.Equal(["a"], gone!);
        Assert.Equal(["banana"], (await PageAsync()).Passages.Select(static p => p.Text));
        var found = (await _store.SearchAsync(Index, Query("apple"), Cancelled))!;
        Assert.Empty(found.Sparse);
        Assert.DoesNotContain(found.Dense, static hit => hit.Passage.DocumentId == "a");
    }

    [Fact]
    public async Task Hashes_SomeIds_GivesThoseThatAreThere()
    {
        await CreateAsync(Document("a", "apple"));

        Assert.Equal([new("a", "hash-a")], (await _store.HashesAsync(Index, ["a", "b"], Cancelled))!.ToArray());
    }

    [Fact]
    public async Task Page_OffsetAndLimit_GiveThePartAndTheTotal()
    {
        await CreateAsync([.. Enumerable.Range(0, 10).Select(static i => Document($"d{i}", $"text {i}"))]);

        var page = (await _store.PageAsync(Index, MetadataFilter.None, 8, 5, Cancelled))!;

        Assert.Equal((2, 10), (page.Passages.Length, page.Total));
        Assert.Empty((await _store.PageAsync(Index, MetadataFilter.None, 20, 5, Cancelled))!.Passages);
    }

    [Theory]
    [InlineData("""{"kind":"a"}""", "d0,d2")]
    [InlineData("""{"kind":"a","n":1}""", "d0")]
    [InlineData("""{"n":1.0}""", "d0,d1")]
    [InlineData("""{"ok":true}""", "d1")]
    [InlineData("""{"kind":null}""", "d3")]
    [InlineData("""{"kind":"A"}""", "")]
    [InlineData("""{"tags":["x","y"]}""", "d3")]
    public async Task Filter_Members_MatchExactlyInPagesAndSearches(string filter, string expected)
    {
        await CreateAsync(
            Document("d0", "same words here") with { Metadata = """{"kind":"a","n":1}""" },
            Document("d1", "same words here") with { Metadata = """{"kind":"b","n":1,"ok":true}""" },
            Document("d2", "same words here") with { Metadata = """{"kind":"a","n":2}""" },
            Document("d3", "same words here") with { Metadata = """{"tags":["x","y"],"kind":null}""" });
        using var json = JsonDocument.Parse(filter);
        var parsed = MetadataFilter.From(json.RootElement);

        var page = (await _store.PageAsync(Index, parsed, 0, 10, Cancelled))!;
        var found = (await _store.SearchAsync(Index, Query("same words") with { Filter = parsed }, Cancelled))!;

        Assert.Equal(expected, string.Join(',', page.Passages.Select(static p => p.DocumentId).Order()));
        Assert.Equal(page.Total, page.Passages.Length);
        Assert.Equal(expected, string.Join(',', found.Dense.Select(static h => h.Passage.DocumentId).Order()));
        Assert.Equal(expected, string.Join(',', found.Sparse.Select(static h => h.Passage.DocumentId).Order()));
    }

    [Fact]
    public async Task Search_ByVectorAndWords_RanksTheBestFirst()
    {
        await CreateAsync(
            Document("a", "The gateway returns error KX-4711 when the quota is used up."),
            Document("b", "Bread is baked in a hot oven for half an hour."),
            Document("c", "The gateway forwards requests to the model."));

        var found = (await _store.SearchAsync(Index, Query("error KX-4711 of the gateway"), Cancelled))!;

        Assert.Equal("a", found.Dense[0].Passage.DocumentId);
        Assert.Equal("a", found.Sparse[0].Passage.DocumentId);
        Assert.True(found.Sparse[0].Keywords > 0);
        Assert.InRange(found.Dense[0].Cosine!.Value, 0.2, 1.0001);
        Assert.Equal(
            found.Dense.Select(static h => h.Cosine).OrderDescending(), found.Dense.Select(static h => h.Cosine));
    }

    [Fact]
    public async Task Search_WithVectors_CarriesThem()
    {
        await CreateAsync(Document("a", "apple"));

        var found = (await _store.SearchAsync(Index, Query("apple") with { WithVectors = true }, Cancelled))!;

        Assert.Equal(HashedGrams.Embed("apple"), found.Dense[0].Vector.ToArray());
    }

    [Fact]
    public async Task Search_WithoutVector_UsesWordsAlone()
    {
        await CreateAsync(Document("a", "apple"));

        var found = (await _store.SearchAsync(Index, Query("apple") with { Vector = default }, Cancelled))!;

        Assert.Empty(found.Dense);
        Assert.Single(found.Sparse);
    }

    [Theory]
    [InlineData("\"quoted\" OR (NOT *) NEAR/3 ^x: -y")]
    [InlineData("')--; DROP TABLE chunk;")]
    [InlineData("…")]
    [InlineData("")]
    public async Task Search_TextOfSearchLanguages_IsOnlyText(string text)
    {
        await CreateAsync(Document("a", "apple"));

        Assert.NotNull(await _store.SearchAsync(Index, Query(text), Cancelled));
        Assert.Single((await PageAsync()).Passages);
    }

    [Fact]
    public async Task Drop_Index_LeavesNothingForASuccessor()
    {
        await CreateAsync(Document("a", "apple"));
        Assert.True(await _store.DropAsync(Index, Cancelled));
        Assert.Empty(await _store.ListAsync(Cancelled));

        await CreateAsync(Document("b", "banana"));
        Assert.Equal(["b"], (await PageAsync()).Passages.Select(static p => p.DocumentId));
    }

    [Fact]
    public async Task Indexes_SameIds_AreIndependent()
    {
        await CreateAsync(Document("a", "apple"));
        await _store.TryCreateAsync(Description("two"), [Document("a", "avocado")], Cancelled);
        await _store.RemoveAsync(Index, ["a"], Cancelled);

        Assert.Empty((await PageAsync()).Passages);
        Assert.Equal(1, (await _store.PageAsync("two", MetadataFilter.None, 0, 10, Cancelled))!.Total);
    }

    [Fact]
    public async Task Writes_ManyAtOnce_AllArrive()
    {
        await CreateAsync(Document("a", "apple"));
        await Task.WhenAll(Enumerable.Range(0, 40).Select(i =>
            _store.AddAsync(Index, [Document($"d{i}", $"text number {i}")], Cancelled)));

        Assert.Equal(41, (await PageAsync()).Total);
    }

    private protected abstract IDocumentStore Make();

    /// <summary>Before the store is made.</summary>
    private protected virtual ValueTask BeginAsync() => ValueTask.CompletedTask;

    /// <summary>Before the store is disposed of.</summary>
    private protected virtual ValueTask EndAsync() => ValueTask.CompletedTask;

    private protected static IndexDescription Description(string name) =>
        new(name, HashedGrams.Name, HashedGrams.Dimensions);

    private protected static StoredDocument Document(string id, params string[] chunks) => new(
        id, $"hash-{id}", "{}",
        [.. chunks.Select((text, at) => new StoredChunk($"{NodeOf(id, at)}", text, 0, text.Length, HashedGrams.Embed(text)))]);

    private protected static StoreQuery Query(string text) =>
        new(HashedGrams.Embed(text), text, MetadataFilter.None, 10);

    private protected Task<bool> CreateAsync(params StoredDocument[] documents) =>
        _store.TryCreateAsync(Description(Index), documents, Cancelled);

    private protected async Task<PassagePage> PageAsync() =>
        (await _store.PageAsync(Index, MetadataFilter.None, 0, 100, Cancelled))!;

    private static Guid NodeOf(string id, int at)
    {
        var bytes = new byte[16];
        System.Text.Encoding.UTF8.GetBytes($"{id}-{at}").CopyTo(bytes, 0);
        return new(bytes);
    }
}
