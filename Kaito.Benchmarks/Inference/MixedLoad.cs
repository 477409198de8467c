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
    // Every model of the bench has these.
    private const int Vocabulary = 400;

    private static int s_draws;

    /// <summary>Prompts of 8 to 64 tokens, answers of 8 to 96; other prompts each time.</summary>
    public static LoadItem[] Draw(int count, int vocabulary)
    {
        var random = Next();
        return [.. Enumerable.Range(0, count).Select(_ => new LoadItem(
            Tokens(random, random.Next(8, 65), vocabulary), random.Next(8, 97)))];
    }

    /// <summary>All of the same lengths, in tokens; other prompts each time, so that nothing is found in a cache.</summary>
    public static LoadItem[] Even(int count, int newTokens, int prompt = 16)
    {
        var random = Next();
        return [.. Enumerable.Range(0, count).Select(_ => new LoadItem(Tokens(random, prompt, Vocabulary), newTokens))];
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

    private static Random Next() => new(Interlocked.Increment(ref s_draws));

    private static int[] Tokens(Random random, int count, int vocabulary) =>
        [.. Enumerable.Range(0, count).Select(_ => random.Next(vocabulary))];

    private sealed class Greedy : ITokenSampler
    {
        public int Sample(Span<float> logits) => TensorPrimitives.IndexOfMax(logits);
    }
}
