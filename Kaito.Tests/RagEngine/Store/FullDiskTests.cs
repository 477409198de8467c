using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Kaito.Benchmarks.Retrieval;

namespace Kaito.Tests.RagEngine.Store;

/// <summary>Without room nothing is half done: a clear refusal, all that was acknowledged, and work again with room.</summary>
public sealed class FullDiskTests
{
    private const int MostRounds = 400;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Bound_Reached_IsA507AndKeepsWhatWasAcknowledged()
    {
        using var folder = new ScratchFolder();
        string[] kept;
        await using (var rag = await RagFixture.StartAsync(static o => o with { MostIndexBytes = 1 << 20 }, folder: folder))
        {
            kept = await FillAsync(rag.Http);
            Assert.Equal(200, (await rag.GetAsync("/health")).Status);
            var (status, body) = await rag.IndexAsync("full", Text(MostRounds + 1), Text(MostRounds + 2));
            Assert.Equal(507, status);
            Assert.Contains("RAG_MAX_INDEX_BYTES", (string?)body!["detail"], StringComparison.Ordinal);

            // Another index has room of its own.
            Assert.Equal(200, (await rag.IndexAsync("other", "text")).Status);
        }

        await using var again = await RagFixture.StartAsync(static o => o with { MostIndexBytes = 1 << 20 }, folder: folder);
        Assert.Equal(kept, await IdsAsync(again.Http));
        Assert.Equal(200, await DeleteAsync(again.Http, kept[..(kept.Length / 2)]));
        Assert.Equal(200, (await again.IndexAsync("full", Text(MostRounds + 1))).Status);
        await AssertFoundAsync(again.Http, kept[(kept.Length / 2)..]);
    }

    [Fact]
    public async Task Disk_Full_IsA507AndWorksAgainWithRoom()
    {
        Assert.SkipUnless(RagProcess.CanHaveDisk(), "Mounting a small disk needs user namespaces or root.");
        using var folder = new ScratchFolder();
        await using var service = await RagProcess.StartAsync(folder.Root, Cancelled, diskMiB: 6);

        var kept = await FillAsync(service.Http);

        Assert.Equal(kept, await IdsAsync(service.Http));
        await AssertFoundAsync(service.Http, kept);
        using (var health = await service.Http.GetAsync("/health", Cancelled))
        {
            Assert.Equal(HttpStatusCode.OK, health.StatusCode);
        }

        // A copy beside it has no room either, and leaves none of itself.
        using var copy = await service.Http.PostAsync("/persist/full", null, Cancelled);
        Assert.Equal(HttpStatusCode.InsufficientStorage, copy.StatusCode);
        Assert.Equal(kept, await IdsAsync(service.Http));

        using var dropped = await service.Http.DeleteAsync("/indexes/full", Cancelled);
        Assert.Equal(HttpStatusCode.OK, dropped.StatusCode);
        Assert.Equal(HttpStatusCode.OK, await PostAsync(service.Http, 0));
        Assert.Single(await IdsAsync(service.Http));
    }

    // Ids of what was acknowledged until there was no room.
    private static async Task<string[]> FillAsync(HttpClient http)
    {
        var ids = new List<string>();
        for (var round = 0; round < MostRounds; round++)
        {
            var status = await PostAsync(http, round);
            if (status == HttpStatusCode.InsufficientStorage)
            {
                Assert.NotEmpty(ids);
                return [.. ids];
            }

            Assert.Equal(HttpStatusCode.OK, status);
            ids.Add(IndexChange.IdOf(Text(round)));
        }

        Assert.Fail("The disk is never full.");
        return [];
    }

    private static async Task<HttpStatusCode> PostAsync(HttpClient http, int round)
    {
        using var response = await http.PostAsJsonAsync(
            "/index", new { index_name = "full", documents = new[] { new { text = Text(round) } } }, Cancelled);
        return response.StatusCode;
    }

    private static async Task<int> DeleteAsync(HttpClient http, string[] ids)
    {
        using var response = await http.PostAsJsonAsync(
            "/indexes/full/documents/delete", new { doc_ids = ids }, Cancelled);
        return (int)response.StatusCode;
    }

    private static async Task<string[]> IdsAsync(HttpClient http)
    {
        var ids = new List<string>();
        for (var more = true; more;)
        {
            var page = (await http.GetFromJsonAsync<JsonNode>(
                $"/indexes/full/documents?limit=100&offset={ids.Count}", Cancelled))!["documents"]!.AsArray();
            ids.AddRange(page.Select(static d => (string)d!["doc_id"]!));
            more = page.Count > 0;
        }

        // A long text has several chunks.
        return [.. ids.Distinct()];
    }

    private static async Task AssertFoundAsync(HttpClient http, string[] ids)
    {
        using var response = await http.PostAsJsonAsync(
            "/retrieve", new { index_name = "full", query = "number", max_node_count = 300 }, Cancelled);
        var found = (await response.Content.ReadFromJsonAsync<JsonNode>(Cancelled))!["results"]!.AsArray()
            .Select(static r => (string)r!["doc_id"]!).ToHashSet();
        Assert.Subset(new HashSet<string>([.. ids, IndexChange.IdOf(Text(MostRounds + 1))]), found);
        Assert.NotEmpty(found);
    }

    // About four thousand characters that no other text has.
    private static string Text(int number) => string.Concat(
        Enumerable.Range(0, 130).Select(i => FormattableString.Invariant($"This is number {number} of {i:x8}{number:x8}. ")));
}
