using System.Text;
using Kaito.RagEngine.Store;
using Kaito.RagEngine.Store.Qdrant;
using Kaito.Tests.RagEngine.Store.Qdrants;

namespace Kaito.Tests.RagEngine.Store;

/// <summary>
/// Every change is broken off at each of its calls, before the call has its effect and after: the next process sees all of it
/// or nothing, and what was answered with success is there.
/// </summary>
public sealed class QdrantCrashTests : IDisposable
{
    private const string Index = "docs";

    private readonly ScratchFolder _folder = new();

    public static TheoryData<string> Changes() =>
        ["create", "add few", "add many", "replace", "replace many", "remove", "drop", "load"];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task Change_BrokenOffAtAnyCall_IsSeenWholeOrNotAtAll(string change)
    {
        var (before, after, calls) = await ExpectAsync(change);
        Assert.NotEqual(before, after);
        foreach (var cut in (Trouble[])[Trouble.CutBefore, Trouble.CutAfter])
        {
            for (var at = 1; at <= calls; at++)
            {
                var (state, acknowledged) = await BreakAsync(change, cut, at);
                await using var server = await QdrantServer.StartAsync(state);
                await using var next = await QdrantStores.OpenAsync(server);
                var seen = await DescribeAsync(next);
                Assert.True(seen == after || (!acknowledged && seen == before), $"{cut} at call {at} of {calls}: {seen}");

                // Long after, nothing is left of what was broken off.
                await using var later = await QdrantStores.OpenAsync(server, clock: new HastyTime(TimeSpan.FromDays(1)));
                Assert.Equal(seen, await DescribeAsync(later));
                Assert.Equal(0, state.Count("write"));
                Assert.Equal(seen.Count(static c => c == '\n'), state.Count("chunk"));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task Change_SentAgainAfterItWasBrokenOff_Succeeds(string change)
    {
        var (_, after, calls) = await ExpectAsync(change);
        for (var at = 1; at <= calls; at++)
        {
            var (state, _) = await BreakAsync(change, Trouble.CutAfter, at);
            await using var server = await QdrantServer.StartAsync(state);
            await using var next = await QdrantStores.OpenAsync(server);
            await ChangeAsync(change, next);

            Assert.Equal(after, await DescribeAsync(next));
        }
    }

    [Fact]
    public async Task Change_CancelledAtAnyCall_IsSeenWholeOrNotAtAll()
    {
        foreach (var change in (string[])["add many", "replace many"])
        {
            var (before, after, calls) = await ExpectAsync(change);
            for (var at = 1; at <= calls; at++)
            {
                await using var server = await QdrantServer.StartAsync();
                await using var store = await QdrantStores.OpenAsync(server);
                await PrepareAsync(store);
                using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
                var first = server.Calls + at;
                server.Interfere = (_, call) =>
                {
                    if (call == first)
                    {
                        cancel.Cancel();
                    }

                    return Trouble.None;
                };
                var done = true;
                try
                {
                    await ChangeAsync(change, store, cancel.Token);
                }
                catch (OperationCanceledException)
                {
                    done = false;
                }

                var seen = await DescribeAsync(store);
                Assert.True(seen == (done ? after : before), $"{change} at call {at} of {calls}, done {done}: {seen}");
                Assert.Equal(0, server.State.Count("write"));
            }
        }
    }

    [Fact]
    public async Task Change_SeenFromBetweenItsCalls_HappensAtOnce()
    {
        await using var server = await QdrantServer.StartAsync();
        await using var writer = await QdrantStores.OpenAsync(server);
        await using var reader = await QdrantStores.OpenAsync(server);
        await PrepareAsync(writer);
        var before = await DescribeAsync(reader);
        var seen = new List<string>();
        server.Before = async method =>
        {
            if (method is "/qdrant.Points/Upsert" or "/qdrant.Points/Delete")
            {
                seen.Add(await DescribeAsync(reader));
                seen.Add(await DescribeAsync(writer));
            }
        };
        await ChangeAsync("replace many", writer);
        server.Before = null;
        var after = await DescribeAsync(reader);

        // Mark, two batches, and the upsert that makes the difference; then two deletions.
        Assert.Equal([.. Enumerable.Repeat(before, 8), .. Enumerable.Repeat(after, 4)], seen);
    }

    private static StoredDocument Document(string id, string text, int chunks = 1) => new(
        id, $"hash of {text}", $$"""{"v":"{{text}}"}""",
        [
            .. Enumerable.Range(0, chunks).Select(at => new StoredChunk(
                $"{id}-{text}-{at}", $"common {text} {id} {at}", at, at + 1, new[] { 1f, 0, 0, at / 1000f })),
        ]);

    private static async Task PrepareAsync(QdrantStore store)
    {
        await store.TryCreateAsync(new("other", "fixed", 4), [Document("x", "kept", 2)], Cancelled);
        await store.TryCreateAsync(
            new(Index, "fixed", 4), [Document("a", "old", 3), Document("b", "old"), Document("many", "old", 280)], Cancelled);
    }

    private async Task<(string Before, string After, int Calls)> ExpectAsync(string change)
    {
        await using var server = await QdrantServer.StartAsync();
        await using var store = await QdrantStores.OpenAsync(server);
        await PrepareAsync(store);
        if (change == "load")
        {
            await store.SaveAsync("other", _folder.Path("copy"), Cancelled);
        }

        var before = await DescribeAsync(store);
        var calls = server.Calls;
        await ChangeAsync(change, store);
        calls = server.Calls - calls;
        return (before, await DescribeAsync(store), calls);
    }

    // From one call on the server is away for this process.
    private async Task<(QdrantState State, bool Acknowledged)> BreakAsync(string change, Trouble cut, int at)
    {
        await using var server = await QdrantServer.StartAsync();
        await using var store = await QdrantStores.OpenAsync(server);
        await PrepareAsync(store);
        var last = server.Calls + at;
        server.Interfere = (_, call) => call < last ? Trouble.None : call == last ? cut : Trouble.Away;
        try
        {
            await ChangeAsync(change, store);
            return (server.State, true);
        }
        catch (StoreException failure)
        {
            Assert.True(failure.Unavailable, failure.Message);
            return (server.State, false);
        }
    }

    private Task ChangeAsync(string change, QdrantStore store, CancellationToken? token = null)
    {
        var cancelled = token ?? Cancelled;
        return change switch
        {
            "create" => store.TryCreateAsync(
                new("new", "fixed", 4), [Document("n", "new", 300), Document("m", "new")], cancelled),
            "add few" => store.AddAsync(Index, [Document("c", "new", 2), Document("d", "new")], cancelled),
            "add many" => store.AddAsync(Index, [Document("c", "new", 300), Document("d", "new", 300)], cancelled),
            "replace" => store.ReplaceAsync(Index, [Document("a", "new", 2), Document("b", "new")], cancelled),
            "replace many" => store.ReplaceAsync(Index, [Document("many", "new", 300), Document("b", "new", 0)], cancelled),
            "remove" => store.RemoveAsync(Index, ["a", "many", "unknown"], cancelled),
            "drop" => store.DropAsync(Index, cancelled),
            _ => store.LoadAsync(Index, _folder.Path("copy"), cancelled),
        };
    }

    // One line for each chunk; documents and searches must tell the same.
    private static async Task<string> DescribeAsync(QdrantStore store)
    {
        var text = new StringBuilder();
        foreach (var index in (await store.ListAsync(Cancelled)).OrderBy(static d => d.Name))
        {
            var page = (await store.PageAsync(index.Name, MetadataFilter.None, 0, 5000, Cancelled))!;
            var query = new StoreQuery(new[] { 1f, 0, 0, 0 }, "common", MetadataFilter.None, 5000);
            var found = (await store.SearchAsync(index.Name, query, Cancelled))!;
            text.Append(index.Name).Append(';');
            foreach (var line in Lines(page.Passages))
            {
                text.Append(line).Append('\n');
            }

            if (page.Total != page.Passages.Length)
            {
                text.Append("total ").Append(page.Total);
            }

            var same = Lines(page.Passages).ToHashSet();
            text.Append(same.SetEquals(Lines(found.Dense.Select(static h => h.Passage))) ? "" : "dense differs;");
            text.Append(same.SetEquals(Lines(found.Sparse.Select(static h => h.Passage))) ? "" : "sparse differs;");
            var hashes = (await store.HashesAsync(index.Name, ["a", "b", "c", "d", "many", "n", "m", "x"], Cancelled))!;
            text.AppendJoin(',', hashes.OrderBy(static h => h.Key).Select(static h => $"{h.Key}={h.Value}"));
        }

        return text.ToString();

        static IEnumerable<string> Lines(IEnumerable<Passage> passages) =>
            passages.Select(static p => $"{p.DocumentId}={p.NodeId}:{p.Metadata}").Order(StringComparer.Ordinal);
    }
}
