using System.Diagnostics;
using System.Numerics.Tensors;
using Kaito.InferenceHost.Engine;
using Kaito.ModelBuilder.Tiny;

namespace Kaito.Benchmarks.Engine;

/// <summary>
/// The slot engine on the tiny model, alone and behind the host: what chats together gain over one after another. Each
/// round measures both, back to back, and the median of the rounds' ratios counts, so a busy machine disturbs little.
/// </summary>
internal sealed class EngineArea : IBenchArea
{
    private const int Chats = 16;

    public string Name => "engine";

    public IAsyncEnumerable<Metric> MeasureAsync(bool quick, string scratch, CancellationToken cancellationToken) =>
        Measure(quick, scratch).ToAsyncEnumerable();

    private static IEnumerable<Metric> Measure(bool quick, string scratch)
    {
        var path = Path.Combine(scratch, "tiny");
        TinyModel.Write(path);
        var folder = ModelFolder.Read(path);
        var newTokens = quick ? 64 : 128;

        // No reuse of prefixes: every run computes everything.
        var options = new EngineOptions { MaxSequences = Chats, PrefixBytes = 0 };
        using var engine = SlotEngine.Load(folder, options);
        var chats = Sequences(folder, Chats, newTokens);
        Together(engine, chats);
        OneByOne(engine, chats);

        var (ratios, identical) = (new List<double>(), true);
        for (var round = 0; round < (quick ? 5 : 15); round++)
        {
            var together = Together(engine, chats);
            var alone = OneByOne(engine, chats);
            ratios.Add(together.Elapsed / alone.Elapsed);
            identical &= chats.All(chat => together.Tokens[chat.Id].SequenceEqual(alone.Tokens[chat.Id]));
        }

        yield return new("engine.chats16.vs_sequential", Median.Of(ratios), "x", new(0.6, Bound.AtMost));
        yield return new("engine.chats16.identical", identical ? 1 : 0, "bool", new(1, Bound.AtLeast));
        foreach (var metric in Served(path, newTokens, quick ? 5 : 15))
        {
            yield return metric;
        }

        foreach (var count in new[] { 1, 4, 16 })
        {
            var rate = Rate(engine, Sequences(folder, count, newTokens), quick);
            yield return new($"engine.throughput.{count}", rate, "tok/s");
        }

        using var reference = GenAiEngine.Load(folder, options);
        yield return new("engine.throughput.16.genai", Rate(reference, chats, quick), "tok/s");
    }

    private static Metric[] Served(string path, int newTokens, int rounds)
    {
        using var host = new ServedChats(path);
        host.Together(Chats, newTokens);
        host.OneByOne(Chats, newTokens);
        var (ratios, identical) = (new List<double>(), true);
        for (var round = 0; round < rounds; round++)
        {
            var together = host.Together(Chats, newTokens);
            var alone = host.OneByOne(Chats, newTokens);
            ratios.Add(together.Elapsed / alone.Elapsed);
            identical &= together.Answers.SequenceEqual(alone.Answers);
        }

        return
        [
            new("engine.http16.vs_sequential", Median.Of(ratios), "x", new(0.6, Bound.AtMost)),
            new("engine.http16.identical", identical ? 1 : 0, "bool", new(1, Bound.AtLeast)),
        ];
    }

    private static EngineSequence[] Sequences(ModelFolder folder, int count, int newTokens)
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, count).Select(id => new EngineSequence(
            id,
            Enumerable.Range(0, random.Next(16, 64)).Select(_ => random.Next(folder.VocabularySize)).ToArray(),
            newTokens,
            new GreedySampler()))];
    }

    private static double Rate(IInferenceEngine engine, EngineSequence[] sequences, bool quick)
    {
        var tokens = sequences.Sum(static sequence => sequence.MaxNewTokens);
        var rounds = Enumerable.Range(0, quick ? 3 : 9);
        return Median.Of(rounds.Select(_ => tokens / Together(engine, sequences).Elapsed.TotalSeconds));
    }

    private static Timed OneByOne(IInferenceEngine engine, EngineSequence[] sequences)
    {
        var tokens = new Dictionary<long, List<int>>();
        var elapsed = TimeSpan.Zero;
        foreach (var sequence in sequences)
        {
            var alone = Together(engine, [sequence]);
            elapsed += alone.Elapsed;
            tokens.Add(sequence.Id, alone.Tokens[sequence.Id]);
        }

        return new(elapsed, tokens);
    }

    private static Timed Together(IInferenceEngine engine, EngineSequence[] sequences)
    {
        var tokens = sequences.ToDictionary(static sequence => sequence.Id, static _ => new List<int>());
        var left = sequences.Sum(static sequence => sequence.MaxNewTokens);
        var produced = new List<EngineToken>();
        var started = Stopwatch.GetTimestamp();
        foreach (var sequence in sequences)
        {
            if (!engine.TryAdd(sequence))
            {
                throw new InvalidOperationException("The engine has fewer slots than the benchmark asked for.");
            }
        }

        while (left > 0)
        {
            produced.Clear();
            engine.Step(produced);
            left -= produced.Count;
            foreach (var (id, token) in produced)
            {
                tokens[id].Add(token);
            }
        }

        return new(Stopwatch.GetElapsedTime(started), tokens);
    }

    private sealed record Timed(TimeSpan Elapsed, Dictionary<long, List<int>> Tokens);

    private sealed class GreedySampler : ITokenSampler
    {
        public int Sample(Span<float> logits) => TensorPrimitives.IndexOfMax(logits);
    }
}
