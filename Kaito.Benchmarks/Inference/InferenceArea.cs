using System.Diagnostics;
using System.Runtime.CompilerServices;
using Kaito.Benchmarks.Engine;
using Kaito.Benchmarks.Models;
using Kaito.InferenceHost.Engine;
using Kaito.ModelBuilder.Tiny;

namespace Kaito.Benchmarks.Inference;

/// <summary>
/// What serving costs and what batching gains, on a model of 300 million parameters in int4. What is compared runs in
/// turns within one process, and the median of the rounds' ratios counts, so a busy machine disturbs little.
/// </summary>
internal sealed class InferenceArea : IBenchArea
{
    public string Name => "inference";

    public async IAsyncEnumerable<Metric> MeasureAsync(
        bool quick, string scratch, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var metric in AddedAsync(scratch, quick, cancellationToken))
        {
            yield return metric;
        }

        var path = BenchModel.EnsureDeep();
        var folder = ModelFolder.Read(path);
        var options = new EngineOptions { PrefixBytes = 0 };
        using var engine = SlotEngine.Load(folder, options);
        using var host = new ServedHost(path);
        var client = new StreamClient(host.Address);

        // As a host that serves for a while: its store of finished prompts is full, and takes no fresh memory any more.
        for (var finished = 0; finished < 64; finished += 16)
        {
            _ = await client.DrainAsync(MixedLoad.Even(16, AnswerTokens(quick)), cancellationToken);
        }

        foreach (var streams in new[] { 1, 4, 8, 16 })
        {
            await foreach (var metric in AgainstRawAsync(engine, client, streams, quick, cancellationToken))
            {
                yield return metric;
            }
        }

        await foreach (var metric in LatencyAsync(client, quick, cancellationToken))
        {
            yield return metric;
        }

        foreach (var metric in MixedLengths(engine, folder, options, quick))
        {
            yield return metric;
        }

        yield return new("inference.rss", Environment.WorkingSet / (1024.0 * 1024), "MiB");
    }

    private static async IAsyncEnumerable<Metric> AgainstRawAsync(
        SlotEngine engine,
        StreamClient client,
        int streams,
        bool quick,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var newTokens = AnswerTokens(quick);
        _ = await client.DrainAsync(MixedLoad.Even(streams, 8), cancellationToken);
        _ = MixedLoad.Rate(engine, MixedLoad.Even(streams, 8), streams);
        var (ratios, rates, allocated) = (new List<double>(), new List<double>(), new List<double>());
        for (var round = 0; round < (quick ? 2 : 21); round++)
        {
            // Whoever is second in a round may meet another machine.
            var raw = round % 2 == 0 ? Raw() : default(double?);
            var before = GC.GetTotalAllocatedBytes();
            var seconds = await client.DrainAsync(MixedLoad.Even(streams, newTokens), cancellationToken);
            allocated.Add((GC.GetTotalAllocatedBytes() - before) / (double)(streams * newTokens));
            rates.Add(streams * newTokens / seconds);
            ratios.Add(rates[^1] / (raw ?? Raw()));
        }

        yield return new($"inference.served.{streams}", Median.Of(rates), "tok/s");
        yield return new($"inference.served.{streams}.vs_raw", Median.Of(ratios), "x", new(0.97, Bound.AtLeast));
        yield return new($"inference.allocated.{streams}", Median.Of(allocated), "B/tok");

        double Raw() => MixedLoad.Rate(engine, MixedLoad.Even(streams, newTokens), streams);
    }

    // Long: what a call costs at its two ends is not what its tokens cost.
    private static int AnswerTokens(bool quick) => quick ? 32 : 192;

    private static async IAsyncEnumerable<Metric> LatencyAsync(
        StreamClient client, bool quick, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        const int Streams = 4;
        var newTokens = quick ? 192 : 384;
        var (halves, tails, first) = (new List<double>(), new List<double>(), new List<double>());
        var (p50, p95) = (new List<double>(), new List<double>());
        for (var round = 0; round < (quick ? 1 : 5); round++)
        {
            var items = MixedLoad.Even(Streams, newTokens);
            var alone = await client.TogetherAsync(items, cancellationToken);
            var others = OthersAsync(client, first, quick ? 1 : 3, cancellationToken);
            var beside = await client.TogetherAsync(MixedLoad.Even(Streams, newTokens), cancellationToken);
            await others;
            var (quiet, busy) = (Gaps(alone), Gaps(beside));
            p50.Add(Share(busy, 0.5));
            p95.Add(Share(busy, 0.95));
            halves.Add(p50[^1] / Share(quiet, 0.5));
            tails.Add(p95[^1] / Share(quiet, 0.95));
        }

        yield return new("inference.first_token.p50", Share([.. first.Order()], 0.5), "ms");
        yield return new("inference.first_token.p95", Share([.. first.Order()], 0.95), "ms");
        yield return new("inference.between_tokens.p50", Median.Of(p50), "ms");
        yield return new("inference.between_tokens.p95", Median.Of(p95), "ms");
        yield return new("inference.between_tokens.p50.vs_quiet", Median.Of(halves), "x", new(1.5, Bound.AtMost));
        yield return new("inference.between_tokens.p95.vs_quiet", Median.Of(tails), "x", new(1.5, Bound.AtMost));
    }

    // Long prompts, one after another, while the streams run.
    private static async Task OthersAsync(
        StreamClient client, List<double> first, int count, CancellationToken cancellationToken)
    {
        for (var other = 0; other < count; other++)
        {
            var seen = await client.AskAsync(MixedLoad.Even(1, 2, prompt: 320)[0], cancellationToken);
            first.Add(seen.FirstMs);
        }
    }

    private static IEnumerable<Metric> MixedLengths(
        SlotEngine engine, ModelFolder folder, EngineOptions options, bool quick)
    {
        const int Together = 8;
        using var generators = GenAiEngine.Load(folder, options);
        var (apart, batches, rates) = (new List<double>(), new List<double>(), new List<double>());
        for (var round = 0; round < (quick ? 1 : 5); round++)
        {
            var items = MixedLoad.Draw(quick ? 8 : 32, folder.VocabularySize);
            rates.Add(MixedLoad.Rate(engine, items, Together));
            apart.Add(rates[^1] / MixedLoad.Rate(generators, items, Together));
            batches.Add(rates[^1] / GenAiBatches.Rate(folder.Path, items, Together, options.Threads));
        }

        yield return new("inference.mixed", Median.Of(rates), "tok/s");
        yield return new("inference.mixed.vs_generators", Median.Of(apart), "x", new(1.5, Bound.AtLeast));
        yield return new("inference.mixed.vs_genai_engine", Median.Of(batches), "x", new(1.5, Bound.AtLeast));
    }

    // A small model's steps are short enough to see what the server adds to each.
    private static async IAsyncEnumerable<Metric> AddedAsync(
        string scratch, bool quick, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        const int NewTokens = 1000;
        var path = Path.Combine(scratch, "tiny");
        TinyModel.Write(path);
        var folder = ModelFolder.Read(path);
        using var engine = SlotEngine.Load(folder, new() { PrefixBytes = 0 });
        using var host = new ServedHost(path);
        var client = new StreamClient(host.Address);
        await WarmAsync(engine, client, TimeSpan.FromSeconds(quick ? 3 : 15), cancellationToken);
        var added = new List<double>();
        for (var round = 0; round < (quick ? 5 : 25); round++)
        {
            var raw = NewTokens / MixedLoad.Rate(engine, MixedLoad.Even(1, NewTokens), 1);
            var served = await client.DrainAsync(MixedLoad.Even(1, NewTokens), cancellationToken);
            added.Add((served - raw) / NewTokens * 1e6);
        }

        yield return new("inference.added_per_token", Median.Of(added), "us", new(50, Bound.AtMost));
    }

    // What is hot is compiled beside the first answers, on the cores that they need: a cost of the first half-minute of a host,
    // which a small model gets behind it in seconds.
    private static async Task WarmAsync(
        SlotEngine engine, StreamClient client, TimeSpan time, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(started) < time)
        {
            _ = MixedLoad.Rate(engine, MixedLoad.Even(4, 100), 4);
            _ = await client.DrainAsync(MixedLoad.Even(16, 100), cancellationToken);
        }
    }

    private static double[] Gaps(Streamed[] seen) => [.. seen.SelectMany(static s => s.GapsMs).Order()];

    private static double Share(double[] sorted, double share) =>
        sorted.Length == 0 ? 0 : sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * share))];
}
