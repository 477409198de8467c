using Kaito.RagEngine.Store;
using Kaito.RagEngine.Store.Qdrant;
using Kaito.Tests.RagEngine.Store.Qdrants;

namespace Kaito.Tests.RagEngine.Store;

/// <summary>Several processes on one server.</summary>
public sealed class QdrantSharedTests
{
    private const string Index = "docs";
    private const int Chunks = 40;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Stores_ThatChangeTheSameDocuments_LeaveEachOfThemWhole(int seed)
    {
        await using var server = await QdrantServer.StartAsync();
        await using var first = await QdrantStores.OpenAsync(server);
        await using var second = await QdrantStores.OpenAsync(server);
        await first.TryCreateAsync(new(Index, "fixed", 4), [Document(0, "start"), Document(1, "start")], Cancelled);
        var random = new Random(seed);
        QdrantStore[] stores = [first, second];
        var seeds = stores.Select(_ => random.Next()).ToArray();

        await Task.WhenAll(stores.Select((store, at) => Task.Run(() => ChangeAsync(store, seeds[at]), Cancelled)));

        foreach (var store in stores)
        {
            var passages = (await store.PageAsync(Index, MetadataFilter.None, 0, 5000, Cancelled))!.Passages;
            var found = (await store.SearchAsync(Index, new(new float[4], "common", MetadataFilter.None, 5000), Cancelled))!;
            var hashes = (await store.HashesAsync(Index, [.. Enumerable.Range(0, 8).Select(Name)], Cancelled))!;
            AssertWhole(passages, hashes);
            AssertWhole(found.Sparse.Select(static h => h.Passage), hashes);
            AssertWhole(found.Dense.Select(static h => h.Passage), hashes);
        }
    }

    [Fact]
    public async Task Add_OfADocumentThatAnotherStoreAddsMeanwhile_KeepsTheFirst()
    {
        await using var server = await QdrantServer.StartAsync();
        await using var first = await QdrantStores.OpenAsync(server);
        await using var second = await QdrantStores.OpenAsync(server);
        await first.TryCreateAsync(new(Index, "fixed", 4), [Document(9, "start")], Cancelled);
        var once = 0;
        server.Before = method => method == "/qdrant.Points/Upsert" && Interlocked.Increment(ref once) == 2
            ? second.AddAsync(Index, [Document(0, "second")], Cancelled)
            : Task.CompletedTask;
        await first.AddAsync(Index, [Document(0, "first", 300), Document(1, "first", 300)], Cancelled);
        server.Before = null;

        var page = (await first.PageAsync(Index, MetadataFilter.None, 0, 5000, Cancelled))!;
        Assert.Equal(Chunks + Chunks + 300, page.Total);
        Assert.All(
            page.Passages.Where(static p => p.DocumentId == "d0"),
            static p => Assert.Contains("second", p.Text, StringComparison.Ordinal));
        Assert.Equal((page.Total, 0), (server.State.Count("chunk"), server.State.Count("write")));
    }

    private static string Name(int number) => $"d{number}";

    private static StoredDocument Document(int number, string version, int chunks = Chunks) => new(
        Name(number), version, $$"""{"version":"{{version}}"}""",
        [
            .. Enumerable.Range(0, chunks).Select(at => new StoredChunk(
                $"{number}-{version}-{at}", $"common {version} {at}", at, at + 1, new float[4])),
        ]);

    private static async Task ChangeAsync(QdrantStore store, int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 30; round++)
        {
            var documents = Enumerable.Range(0, 8).Where(_ => random.Next(2) == 0)
                .Select(number => Document(number, $"{seed}/{round}")).ToList();
            switch (random.Next(3))
            {
                case 0:
                    await store.AddAsync(Index, documents, Cancelled);
                    break;
                case 1:
                    await store.ReplaceAsync(Index, documents, Cancelled);
                    break;
                default:
                    await store.RemoveAsync(Index, [.. documents.Take(2).Select(static d => d.Id)], Cancelled);
                    break;
            }
        }
    }

    // All chunks of each document, all of the version that its hash says.
    private static void AssertWhole(IEnumerable<Passage> passages, IReadOnlyDictionary<string, string> hashes) => Assert.Equal(
        hashes.OrderBy(static h => h.Key, StringComparer.Ordinal).Select(static h => $"{h.Key} {h.Value} {Chunks}"),
        passages.GroupBy(static p => p.DocumentId).OrderBy(static g => g.Key, StringComparer.Ordinal).Select(static g =>
            $"{g.Key} {string.Join('+', g.Select(static p => p.NodeId.Split('-')[1]).Distinct())} {g.Count()}"));
}
