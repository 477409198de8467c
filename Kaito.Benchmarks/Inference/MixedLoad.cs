using System.Diagnostics;
using System.Numerics.Tensors;
using Kaito.InferenceHost.Engine;

namespace Kaito.Benchmarks.Inference;

/// <summary>One request of a load.</summary>
/// <param name="Prompt">Token ids.</param>
/// <param name="NewTokens">Exactly so many.</param>
internal sealed record LoadItem(int[] Prompt, int NewTokens);

/// <summary>Requests of all lengths, so many of them at a time: whoever ends makes room for the next one.</summary>
internal static class MixedLoad
{
    /// <summary>Prompts of 8 to 64 tokens, answers of 8 to 96.</summary>
    public static LoadItem[] Draw(int seed, int count, int vocabulary)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => new LoadItem(
            Tokens(random, random.Next(8, 65), vocabulary), random.Next(8, 97)))];
    }

    public static LoadItem[] Even(int seed, int count, int prompt, int newTokens, int vocabulary)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => new LoadItem(Tokens(random, prompt, vocabulary), newTokens))];
    }

    /// <returns>Tokens per second.</returns>
    public static double Rate(IInferenceEngine engine, LoadItem[] items, int together)
    {
        var (next, running, left) = (0, 0, items.Sum(static item => item.NewTokens));
        var rest = items.Select(static item => item.NewTokens).ToArray();
        var produced = new List<EngineToken>();
        var started = Stopwatch.GetTimestamp();
        while (left > 0)
        {
            for (; running < together && next < items.Length; running++, next++)
            {
                if (!engine.TryAdd(new(next, items[next].Prompt, items[next].NewTokens, new Greedy())))
                {
                    break;
                }
            }

            produced.Clear();
            engine.Step(produced);
            left -= produced.Count;
            foreach (var made in produced)
            {
                running -= --rest[made.SequenceId] == 0 ? 1 : 0;
            }
        }

        return items.Sum(static item => item.NewTokens) / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static int[] Tokens(Random random, int count, int vocabulary) =>
        [.. Enumerable.Range(0, count).Select(_ => random.Next(vocabulary))];

    private sealed class Greedy : ITokenSampler
    {
        public int Sample(Span<float> logits) => TensorPrimitives.IndexOfMax(logits);
    }
}
