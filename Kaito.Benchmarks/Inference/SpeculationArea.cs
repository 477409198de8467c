using System.Diagnostics;
using System.Numerics.Tensors;
using Kaito.Benchmarks.Models;
using Kaito.InferenceHost.Engine;

namespace Kaito.Benchmarks.Inference;

/// <summary>
/// What guessing from an answer's own text brings to a lone answer, on a model of 300 million parameters in int4: an answer that
/// repeats its prompt but for one token in twenty, as an edit of a file does, and one of which nothing came before. Both are given
/// by the sampler, so that only their time differs.
/// </summary>
internal sealed class SpeculationArea : IBenchArea
{
    private const int PromptTokens = 256;

    private int _ids;

    public string Name => "speculation";

    public IAsyncEnumerable<Metric> MeasureAsync(bool quick, string scratch, CancellationToken cancellationToken) =>
        Measure(quick).ToAsyncEnumerable();

    private IEnumerable<Metric> Measure(bool quick)
    {
        var folder = ModelFolder.Read(BenchModel.EnsureDeep());
        var options = new EngineOptions { MaxSequences = 1, PrefixBytes = 0 };
        using var plain = SlotEngine.Load(folder, options);
        using var guessing = SlotEngine.Load(folder, options with { Speculation = new(4, 4, 2) });
        foreach (var (name, changed, least) in new[] { ("edit", 20, 1.3), ("fresh", 1, 0.95) })
        {
            var ratios = new List<double>();
            var rates = new List<double>();
            for (var round = 0; round < (quick ? 3 : 9); round++)
            {
                var (prompt, answer) = Draw(round, changed, folder.VocabularySize);
                var without = Rate(plain, prompt, answer);
                rates.Add(Rate(guessing, prompt, answer));
                ratios.Add(rates[^1] / without);
            }

            yield return new($"speculation.{name}", Median.Of(rates), "tok/s");
            yield return new($"speculation.{name}.vs_plain", Median.Of(ratios), "x", new(least, Bound.AtLeast));
        }

        var counts = guessing.Usage.Speculation!;
        yield return new("speculation.accepted", (double)counts.Accepted / counts.DraftTokens, "x");
    }

    // One token in so many differs from the prompt's.
    private static (int[] Prompt, int[] Answer) Draw(int seed, int changed, int vocabulary)
    {
        var random = new Random(seed);
        var prompt = Enumerable.Range(0, PromptTokens).Select(_ => random.Next(vocabulary)).ToArray();
        return (prompt, [.. prompt.Select((token, at) => at % changed == 0 ? random.Next(vocabulary) : token)]);
    }

    private double Rate(SlotEngine engine, int[] prompt, int[] answer)
    {
        var id = _ids++;
        if (!engine.TryAdd(new(id, prompt, answer.Length, new Given(answer))))
        {
            throw new InvalidOperationException("The engine has fewer slots than the benchmark asked for.");
        }

        var produced = new List<EngineToken>();
        while (produced.Count == 0)
        {
            engine.Step(produced);
        }

        var started = Stopwatch.GetTimestamp();
        while (produced.Count < answer.Length)
        {
            engine.Step(produced);
        }

        return (answer.Length - 1) / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>What a greedy sampler does; then it takes the token that the answer has there.</summary>
    private sealed class Given(int[] tokens) : ITokenSampler
    {
        private int _next;

        public int Sample(Span<float> logits)
        {
            _ = TensorPrimitives.IndexOfMax<float>(logits);
            return tokens[_next++];
        }
    }
}
