using Kaito.RagEngine.Embedding;
using Kaito.RagEngine.Store;
using Kaito.RagEngine.Store.Embedded;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaito.Tests.RagEngine.Store;

/// <summary>Files as a machine leaves them that lost its power in the middle of a write.</summary>
public sealed class TornFileTests : IDisposable
{
    private const int Documents = 24;
    private const int Rounds = 60;

    private readonly ScratchFolder _folder = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Open_TornLog_HasTheChangesBeforeTheTear()
    {
        var (name, database, log) = await KilledAsync();
        var random = new Random(5);
        var lengths = new HashSet<int>();
        for (var round = 0; round < Rounds; round++)
        {
            var live = Directory.CreateDirectory(_folder.Path($"live{round}")).FullName;
            await File.WriteAllBytesAsync(Path.Combine(live, name), database, Cancelled);
            await File.WriteAllBytesAsync(Path.Combine(live, name + "-wal"), Torn(log, random), Cancelled);
            await using var store = Store(live);

            await store.OpenAsync(Cancelled);

            Assert.Null(await store.ProbeAsync(Cancelled));
            lengths.Add(await RequirePrefixAsync(store));
            await store.TryCreateAsync(Description, [], Cancelled);
            Assert.True(await store.AddAsync("i", [Document(99)], Cancelled));
            Assert.Equal("d99", (await SearchAsync(store, 99)).Sparse.Single().Passage.DocumentId);
        }

        Assert.True(lengths.Count > 5, "The tears are all in one place.");
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.9)]
    public async Task Open_FileThatIsCutShort_IsLeftAloneAndTold(double part)
    {
        var live = Directory.CreateDirectory(_folder.Path("live")).FullName;
        await using (var store = Store(live))
        {
            await store.OpenAsync(Cancelled);
            await store.TryCreateAsync(Description, [.. Enumerable.Range(0, Documents).Select(Document)], Cancelled);
        }

        var file = Assert.Single(Directory.GetFiles(live, "*.db"));
        var length = (long)(new FileInfo(file).Length * part);
        await using (var cut = File.OpenWrite(file))
        {
            cut.SetLength(length);
        }

        await using var again = Store(live);
        await again.OpenAsync(Cancelled);
        Assert.Contains(Path.GetFileName(file), await again.ProbeAsync(Cancelled), StringComparison.Ordinal);
        Assert.Equal(length, new FileInfo(file).Length);
        Assert.True(await again.TryCreateAsync(Description, [Document(1)], Cancelled));
        Assert.Single((await SearchAsync(again, 1)).Dense);
    }

    private static IndexDescription Description => new("i", HashedGrams.Name, HashedGrams.Dimensions);

    // The files of a store that is not closed: everything is in the log still.
    private async Task<(string Name, byte[] Database, byte[] Log)> KilledAsync()
    {
        var live = _folder.Path("killed");
        await using var store = Store(live);
        await store.OpenAsync(Cancelled);
        await store.TryCreateAsync(Description, [Document(0)], Cancelled);
        for (var number = 1; number < Documents; number++)
        {
            await store.AddAsync("i", [Document(number)], Cancelled);
        }

        var file = Assert.Single(Directory.GetFiles(live, "*.db"));
        return (Path.GetFileName(file), await ReadAsync(file), await ReadAsync(file + "-wal"));
    }

    // Cut off, or with a sector that never reached the disk.
    private static byte[] Torn(byte[] log, Random random)
    {
        var at = random.Next(log.Length);
        if (random.Next(2) == 0)
        {
            return log[..at];
        }

        var torn = log.ToArray();
        random.NextBytes(torn.AsSpan(at, Math.Min(512, torn.Length - at)));
        return torn;
    }

    private static async Task<int> RequirePrefixAsync(SqliteStore store)
    {
        if ((await store.PageAsync("i", MetadataFilter.None, 0, 100, Cancelled))?.Passages is not { } passages)
        {
            return 0;
        }

        Assert.Equal(
            Enumerable.Range(0, passages.Length).Select(static i => $"d{i}"), passages.Select(static p => p.DocumentId));
        for (var number = 0; number < Documents; number++)
        {
            var found = await SearchAsync(store, number);
            Assert.Equal(number < passages.Length, found.Sparse.Any(h => h.Passage.DocumentId == $"d{number}"));
            Assert.Equal(number < passages.Length, found.Dense.Any(h => h.Passage.DocumentId == $"d{number}"));
        }

        return passages.Length;
    }

    private static async Task<Candidates> SearchAsync(SqliteStore store, int number) => (await store.SearchAsync(
        "i", new(HashedGrams.Embed(Word(number)), Word(number), MetadataFilter.None, 100), Cancelled))!;

    private static string Word(int number) => FormattableString.Invariant($"word{number:d4}");

    private static StoredDocument Document(int number)
    {
        var text = string.Join(' ', Enumerable.Repeat(Word(number), 40));
        return new(
            $"d{number}", "hash", "{}",
            [new($"n{number}", text, 0, text.Length, HashedGrams.Embed(text))]);
    }

    private static async Task<byte[]> ReadAsync(string file)
    {
        await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var bytes = new byte[stream.Length];
        await stream.ReadExactlyAsync(bytes, Cancelled);
        return bytes;
    }

    private static SqliteStore Store(string live) =>
        new(new() { LiveFolder = live }, TimeProvider.System, NullLogger<SqliteStore>.Instance);
}
