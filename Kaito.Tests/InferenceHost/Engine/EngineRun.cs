using System.Numerics.Tensors;
using Kaito.InferenceHost.Engine;

namespace Kaito.Tests.InferenceHost.Engine;

/// <summary>Drives an engine the way the scheduler does and collects the tokens by sequence.</summary>
internal sealed class EngineRun(IInferenceEngine engine)
{
    private readonly Dictionary<long, List<int>> _tokens = [];

    public List<int> this[long id] => _tokens.TryGetValue(id, out var tokens) ? tokens : [];

    /// <summary>Runs one step and checks that it gave each sequence at most one token.</summary>
    public IReadOnlyList<EngineToken> Step()
    {
        var produced = new List<EngineToken>();
        engine.Step(produced);
        Assert.Equal(produced.Count, produced.Select(static token => token.SequenceId).Distinct().Count());
        foreach (var (id, token) in produced)
        {
            if (!_tokens.TryGetValue(id, out var tokens))
            {
                _tokens.Add(id, tokens = []);
            }

            tokens.Add(token);
        }

        return produced;
    }

    public void StepUntil(Func<bool> done)
    {
        for (var steps = 0; !done(); steps++)
        {
            Assert.True(steps < 10_000, "The engine does not finish.");
            Step();
        }
    }

    /// <summary>Runs all to their ends; one more joins at a time, so that they are all at different places.</summary>
    public void StepAll(EngineSequence[] sequences)
    {
        var next = 0;
        StepUntil(() =>
        {
            if (next < sequences.Length && engine.TryAdd(sequences[next]))
            {
                next++;
            }

            return sequences.All(sequence => this[sequence.Id].Count == sequence.MaxNewTokens);
        });
    }

    /// <summary>The tokens of one sequence that has the engine to itself.</summary>
    public static int[] Alone(IInferenceEngine engine, EngineSequence sequence)
    {
        var run = new EngineRun(engine);
        Assert.True(engine.TryAdd(sequence));
        run.StepUntil(() => run[sequence.Id].Count == sequence.MaxNewTokens);
        return [.. run[sequence.Id]];
    }

    public static EngineSequence Greedy(long id, int promptLength, int newTokens, int vocabulary) =>
        new(id, RandomPrompt(id, promptLength, vocabulary), newTokens, new GreedySampler());

    public static int[] RandomPrompt(long seed, int length, int vocabulary)
    {
        var random = new Random((int)seed);
        return [.. Enumerable.Range(0, length).Select(_ => random.Next(vocabulary))];
    }
}

internal sealed class GreedySampler : ITokenSampler
{
    public int Sample(Span<float> logits) => TensorPrimitives.IndexOfMax(logits);
}
