using System.Text.Json;
using Kaito.RagEngine.Chunking;
using Kaito.RagEngine.Embedding;
using Kaito.RagEngine.Http;
using Kaito.RagEngine.Indexing;
using Kaito.RagEngine.Store;

namespace Kaito.RagEngine.Persistence;

/// <summary>
/// Brings back what upstream's service saved on its volume when its last pod stopped, each index once: what is deleted
/// afterwards stays deleted. Nothing is ever saved so here, since what is acknowledged is on disk already.
/// </summary>
/// <remarks>
/// The layout: <c>LATEST</c> is a link to a folder below <c>systemsnapshots</c>, whose names begin with their time;
/// <c>metadata.json</c> in it names the indexes, each in a folder of its name.
/// </remarks>
internal sealed partial class SnapshotRestore(
    IDocumentStore store, EmbeddingService embeddings, Indexer indexer, RagEngineOptions options,
    ILogger<SnapshotRestore> logger)
{
    private const string Latest = "LATEST";
    private const string Snapshots = "systemsnapshots";
    private const string Members = "metadata.json";

    // One line per index that has been brought back.
    private const string Done = "restored";

    /// <summary>Brings back what has not been brought back; a folder that cannot be read is told and passed over.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (options.Store != StoreKind.Embedded)
        {
            return;
        }

        try
        {
            if (Newest() is { } snapshot)
            {
                await RestoreAsync(snapshot, cancellationToken);
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            LogLeft("(all)", options.PersistFolder, failure.Message);
        }
    }

    private async Task RestoreAsync(string snapshot, CancellationToken cancellationToken)
    {
        var record = Path.Combine(options.LiveFolder, Done);
        var done = File.Exists(record) ? await File.ReadAllLinesAsync(record, cancellationToken) : [];
        foreach (var index in NamesIn(snapshot))
        {
            var line = $"{Path.GetFileName(snapshot)}/{index}";
            if (done.Contains(line))
            {
                continue;
            }

            try
            {
                var count = await RestoreAsync(snapshot, index, cancellationToken);
                await File.AppendAllLinesAsync(record, [line], cancellationToken);
                LogRestored(index, count, snapshot);
            }
            catch (Exception failure) when (failure is StoreException or EmbeddingException or ChunkingException
                or RagException)
            {
                LogLeft(index, snapshot, failure.Message);
            }
        }
    }

    private async Task<int> RestoreAsync(string snapshot, string index, CancellationToken cancellationToken)
    {
        var documents = UpstreamFolder.Read(Path.Combine(snapshot, index))
            ?? throw new StoreException("docstore.json is missing.");
        var all = await store.ListAsync(cancellationToken);
        if (all.FirstOrDefault(description => description.Name == index) is { } there)
        {
            Indexer.RequireSame(there, await embeddings.GetAsync(cancellationToken));
        }

        await indexer.StoreAsync(index, await indexer.PrepareAsync(documents, cancellationToken), cancellationToken);
        return documents.Length;
    }

    // A link may lead to a folder that is gone.
    private string? Newest()
    {
        var latest = new DirectoryInfo(Path.Combine(options.PersistFolder, Latest));
        if (latest.Exists)
        {
            return Path.TrimEndingDirectorySeparator(
                latest.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? latest.FullName);
        }

        var all = Path.Combine(options.PersistFolder, Snapshots);
        return Directory.Exists(all) ? Directory.EnumerateDirectories(all).Max(StringComparer.Ordinal) : null;
    }

    private static IEnumerable<string> NamesIn(string snapshot)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(snapshot, Members)));
            return [.. json.RootElement.GetProperty("index_names").EnumerateArray().Select(static n => n.GetString())
                .OfType<string>().Where(name => Directory.Exists(Path.Combine(snapshot, name)))];
        }
        catch (Exception bad) when (bad is JsonException or IOException or KeyNotFoundException
            or InvalidOperationException or UnauthorizedAccessException)
        {
            // What is there says enough.
            return [.. Directory.EnumerateDirectories(snapshot).Select(static folder => Path.GetFileName(folder))
                .Order(StringComparer.Ordinal)];
        }
    }

    [LoggerMessage(LogLevel.Information, "Index {Index} with {Documents} documents is restored from {Snapshot}")]
    private partial void LogRestored(string index, int documents, string snapshot);

    [LoggerMessage(
        LogLevel.Error,
        "Index {Index} of snapshot {Snapshot} is not restored, and tried again at the next start: {Problem}")]
    private partial void LogLeft(string index, string snapshot, string problem);
}
