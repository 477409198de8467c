using System.Collections.Immutable;
using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Kaito.Benchmarks.Retrieval;

/// <param name="Problems">One sentence per index that was not what had been acknowledged.</param>
/// <param name="Changes">Requests that were acknowledged.</param>
/// <param name="Cut">Requests that were under way at a kill.</param>
/// <param name="StartMs">Median time from start to listening.</param>
internal sealed record CrashOutcome(ImmutableArray<string> Problems, int Changes, int Cut, double StartMs);

/// <summary>
/// Kills the service at random instants while clients index, update and delete, and compares what it has afterwards with
/// what it had acknowledged.
/// </summary>
internal static class CrashRounds
{
    private const int PageSize = 100;
    private const int LongestMs = 250;
    private const int ColdEvery = 8;

    private static readonly TimeSpan s_firstLimit = TimeSpan.FromMinutes(1);

    public static async Task<CrashOutcome> RunAsync(
        int rounds, int seed, string folder, CancellationToken cancellationToken)
    {
        var random = new Random(seed);
        IndexModel[] models = [new("first", new(seed + 1)), new("second", new(seed + 2))];
        var problems = ImmutableArray.CreateBuilder<string>();
        var starts = new List<double>();
        var (changes, cut) = (0, 0);
        for (var round = 0; round <= rounds; round++)
        {
            var started = Stopwatch.GetTimestamp();
            await using var service = await RagProcess.StartAsync(folder, cancellationToken);
            starts.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            foreach (var model in models)
            {
                cut += model.Pending is null ? 0 : 1;
                if (model.Accept(await DocumentsAsync(service.Http, model.Name, cancellationToken)) is { } problem)
                {
                    problems.Add($"After kill {round}: {problem}");
                }

                await SearchAsync(service.Http, model, problems, cancellationToken);
            }

            if (round < rounds)
            {
                var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                var clients = models.Select(model => ChangeAsync(service.Http, model, begun, cancellationToken)).ToArray();
                if (round % ColdEvery != 0)
                {
                    // The first request of a process takes long; most kills are to hit later ones.
                    await begun.Task.WaitAsync(s_firstLimit, cancellationToken);
                }

                await Task.Delay(TimeSpan.FromMilliseconds(random.Next(LongestMs)), TimeProvider.System, cancellationToken);
                await service.KillAsync();
                changes += (await Task.WhenAll(clients)).Sum();
            }
        }

        return new(problems.ToImmutable(), changes, cut, Median.Of(starts));
    }

    // Until the service is gone.
    private static async Task<int> ChangeAsync(
        HttpClient http, IndexModel model, TaskCompletionSource begun, CancellationToken cancellationToken)
    {
        for (var changes = 0; ; changes++)
        {
            var change = model.Next();
            try
            {
                using var request = new HttpRequestMessage(new(change.Method), change.Path);
                request.Content = change.Body is null ? null : JsonContent.Create(change.Body);
                using var response = await http.SendAsync(request, cancellationToken);
                response.EnsureSuccessStatusCode();
                model.Acknowledge(change);
                begun.TrySetResult();
            }
            catch (HttpRequestException gone) when (gone.StatusCode is null)
            {
                return changes;
            }
        }
    }

    private static async Task<ImmutableSortedDictionary<string, string>> DocumentsAsync(
        HttpClient http, string index, CancellationToken cancellationToken)
    {
        var found = new SortedDictionary<string, string>(StringComparer.Ordinal);
        for (var offset = 0; ; offset += PageSize)
        {
            using var response = await http.GetAsync(
                $"/indexes/{index}/documents?limit={PageSize}&offset={offset}&max_text_length=1000000", cancellationToken);
            if ((int)response.StatusCode == 404)
            {
                break;
            }

            var page = (await response.Content.ReadFromJsonAsync<JsonNode>(cancellationToken))!;
            foreach (var document in page["documents"]!.AsArray())
            {
                found[(string)document!["doc_id"]!] = (string)document["text"]!;
            }

            if (offset + PageSize >= (int)page["total_items"]!)
            {
                break;
            }
        }

        return found.ToImmutableSortedDictionary(StringComparer.Ordinal);
    }

    // By words and by vectors, nothing is found but what is there, and that is found by both.
    private static async Task SearchAsync(
        HttpClient http, IndexModel model, ImmutableArray<string>.Builder problems, CancellationToken cancellationToken)
    {
        if (model.Acknowledged.IsEmpty)
        {
            return;
        }

        var (id, text) = model.Acknowledged.First();
        using var response = await http.PostAsJsonAsync(
            "/retrieve", new { index_name = model.Name, query = text[..Math.Min(60, text.Length)], max_node_count = 300 },
            cancellationToken);
        var results = (await response.Content.ReadFromJsonAsync<JsonNode>(cancellationToken))!["results"]!.AsArray();
        var ghosts = results.Count(result => !model.Acknowledged.ContainsKey((string)result!["doc_id"]!));
        var hit = results.FirstOrDefault(result => (string)result!["doc_id"]! == id);
        if (ghosts > 0 || (string?)hit?["source"] != "both")
        {
            problems.Add($"{model.Name}: a search finds {ghosts} ghosts, and {id} by {hit?["source"] ?? "nothing"}.");
        }
    }
}
