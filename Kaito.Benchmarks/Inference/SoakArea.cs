using System.Diagnostics;
using System.Net.Http.Headers;
using System.Runtime;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Kaito.Benchmarks.Engine;
using Kaito.InferenceHost.Adapters;
using Kaito.ModelBuilder.Tiny;

namespace Kaito.Benchmarks.Inference;

/// <summary>
/// Very many completions, one in ten cut off by its client and one in a hundred under an adapter that is loaded for it
/// and unloaded after it. No answer may be the server's fault, and the process must not grow.
/// </summary>
internal sealed partial class SoakArea : IBenchArea
{
    private const int Clients = 16;
    private const int CancelEvery = 10;
    private const int AdapterEvery = 100;

    // Counts as the server's fault: nothing came within the client's minute.
    private const int NoAnswer = 599;

    private readonly Counts _counts = new();

    public string Name => "soak";

    public async IAsyncEnumerable<Metric> MeasureAsync(
        bool quick, string scratch, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var completions = quick ? 4000 : 100_000;
        var path = Path.Combine(scratch, "tiny");
        TinyModel.Write(path, adapters: true);
        for (var client = 0; client < Clients; client++)
        {
            SoakAdapter.Write(AdapterPath(scratch, client), client);
        }

        var adapters = new AdapterOptions { Enabled = true, RuntimeUpdates = true };
        using var host = new ServedHost(path, options => options with { Adapters = adapters });
        var started = Stopwatch.GetTimestamp();

        var (resident, untrimmed) = (new List<double>(), 0.0);
        for (var tenth = 0; tenth < 10; tenth++)
        {
            await RunAsync(host.Client, scratch, completions / 10, cancellationToken);
            untrimmed = CollectedMiB();
            resident.Add(TrimmedMiB());
            await Console.Error.WriteLineAsync($"{_counts.Completed} completions, {resident[^1]:F1} MiB");
        }

        // One sample is off by a percent either way.
        var (before, after) = (Median.Of(resident[..3]), Median.Of(resident[^3..]));

        yield return new("soak.completions", _counts.Completed, "", new(completions, Bound.AtLeast));
        yield return new("soak.cancels", _counts.Cancelled, "", new(completions / CancelEvery, Bound.AtLeast));
        yield return new("soak.adapter_loads", _counts.Loaded, "", new(completions / AdapterEvery, Bound.AtLeast));
        yield return new("soak.5xx", _counts.Faults, "", new(0, Bound.AtMost));
        yield return new("soak.refused", _counts.Refused, "", new(0, Bound.AtMost));
        yield return new("soak.rss.untrimmed", untrimmed, "MiB");
        yield return new("soak.rss", after, "MiB");
        yield return new("soak.rss.drift", (after - before) / before * 100, "%", new(2, Bound.AtMost));
        yield return new("soak.rate", _counts.Completed / Stopwatch.GetElapsedTime(started).TotalSeconds, "1/s");
    }

    private Task RunAsync(HttpClient client, string scratch, int completions, CancellationToken cancellationToken)
    {
        var left = completions;
        return Task.WhenAll(Enumerable.Range(0, Clients).Select(number => Task.Run(
            async () =>
            {
                var random = new Random(number);
                while (Interlocked.Decrement(ref left) is >= 0 and var turn)
                {
                    await OneAsync(client, AdapterPath(scratch, number), (number, turn), random, cancellationToken);
                }
            },
            cancellationToken)));
    }

    private async Task OneAsync(
        HttpClient client, string adapter, (int Client, int Turn) who, Random random, CancellationToken cancellationToken)
    {
        var model = "tiny";
        if (who.Turn % AdapterEvery == 0)
        {
            model = $"soak-{who.Client}";
            _counts.Add(await PostAsync(
                client, "/v1/load_lora_adapter", $$"""{"lora_name":"{{model}}","lora_path":"{{adapter}}"}""",
                cancellationToken), ref _counts.Loaded);
        }

        var prompt = string.Join(',', Enumerable.Range(0, random.Next(4, 40)).Select(_ => random.Next(400)));
        var ask = $$"""{"model":"{{model}}","prompt":[{{prompt}}],"temperature":0.7,"seed":{{who.Turn}},""";
        _counts.Add(
            await PostAsync(
                client, "/v1/completions", $$"""{{ask}}"max_tokens":{{random.Next(1, 16)}}}""", cancellationToken),
            ref _counts.Completed);
        if (who.Turn % CancelEvery == 0)
        {
            await CancelAsync(client, ask + "\"max_tokens\":400,\"ignore_eos\":true,\"stream\":true}", cancellationToken);
        }

        if (model != "tiny")
        {
            var ignored = 0;
            _counts.Add(await PostAsync(
                client, "/v1/unload_lora_adapter", $$"""{"lora_name":"{{model}}"}""", cancellationToken), ref ignored);
        }
    }

    // The client leaves in the middle of its answer.
    private async Task CancelAsync(HttpClient client, string body, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions") { Content = Json(body) };
        using var response = await client.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        _ = await stream.ReadAsync(new byte[64], cancellationToken);
        _counts.Add((int)response.StatusCode, ref _counts.Cancelled);
    }

    private static async Task<int> PostAsync(
        HttpClient client, string route, string body, CancellationToken cancellationToken)
    {
        try
        {
            using var content = Json(body);
            using var response = await client.PostAsync(route, content, cancellationToken);
            return (int)response.StatusCode;
        }
        catch (TaskCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return NoAnswer;
        }
    }

    private static StringContent Json(string body) => new(body, Encoding.UTF8, new MediaTypeHeaderValue("application/json"));

    private static string AdapterPath(string scratch, int client) => Path.Combine(scratch, $"adapter-{client}");

    // What only waits for the collector is not growth.
    private static double CollectedMiB()
    {
        GCSettings.LargeObjectHeapCompactionMode = GCLargeObjectHeapCompactionMode.CompactOnce;
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        return ResidentMiB();
    }

    // Nor is what the C library has got back from the runtime's library and keeps for later.
    private static double TrimmedMiB()
    {
        try
        {
            _ = MallocTrim(0);
        }
        catch (Exception none) when (none is EntryPointNotFoundException or DllNotFoundException)
        {
            // Other C libraries keep less; the figure is what it is.
        }

        return ResidentMiB();
    }

    private static double ResidentMiB()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64 / (1024.0 * 1024);
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int MallocTrim(nint pad);

    /// <summary>Answers by kind.</summary>
    private sealed class Counts
    {
        public int Completed;
        public int Cancelled;
        public int Loaded;
        public int Faults;
        public int Refused;

        public void Add(int status, ref int right) => Interlocked.Increment(
            ref status < 300 ? ref right : ref status >= 500 ? ref Faults : ref Refused);
    }
}
