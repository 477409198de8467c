using Kaito.InferenceHost.Engine;

namespace Kaito.Tests.InferenceHost.Engine;

/// <summary>Who goes first, who gives way, and that none of it changes a token.</summary>
public sealed class SlotEngineSchedulingTests(TinyModelFixture tiny)
{
    // 4 layers, keys and values, 2 heads of 32 floats: 2048 bytes a token.
    private const int BytesPerToken = 2048;

    private static readonly EngineOptions s_options = new()
    {
        MaxSequences = 16,
        PrefillTokens = 16,
        Threads = 1,
        CacheBytes = 64 << 20,
        PrefixBytes = 0,
        PrefillShare = 1,
    };

    [Fact]
    public void Step_PromptAmongFifteenOthers_GivesTheTokensItGivesAlone()
    {
        using var engine = Load(s_options);
        var sequences = Enumerable.Range(0, 16).Select(id => Greedy(id, 3 + (5 * id), 60)).ToArray();
        var alone = sequences.Select(sequence => EngineRun.Alone(engine, sequence)).ToArray();
        var run = new EngineRun(engine);
        Assert.All(sequences, sequence => Assert.True(engine.TryAdd(sequence)));

        run.StepUntil(() => sequences.All(sequence => run[sequence.Id].Count == 60));

        Assert.All(sequences, sequence => Assert.Equal(alone[sequence.Id], run[sequence.Id]));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4 << 20)]
    public void Step_CacheFull_TheLastGivesWayAndItsAnswerIsTheSame(int prefixBytes)
    {
        const int BudgetTokens = 1024;
        using var roomy = Load(s_options);
        var sequences = Enumerable.Range(0, 4).Select(id => Greedy(id, 50 + id, 400)).ToArray();
        var alone = sequences.Select(sequence => EngineRun.Alone(roomy, sequence)).ToArray();
        using var engine = Load(s_options with
        {
            CacheBytes = BytesPerToken * BudgetTokens,
            PrefixBytes = prefixBytes,
        });
        var run = new EngineRun(engine);
        Assert.All(sequences, sequence => Assert.True(engine.TryAdd(sequence)));

        run.StepUntil(() =>
        {
            Assert.True(engine.CacheShape.Slots * engine.CacheShape.Tokens <= BudgetTokens);
            return sequences.All(sequence => run[sequence.Id].Count == 400);
        });

        Assert.All(sequences, sequence => Assert.Equal(alone[sequence.Id], run[sequence.Id]));
        Assert.InRange(engine.Usage.Preemptions, 1, 40);
        Assert.Equal(prefixBytes == 0, engine.Usage.RecomputedTokens > 100);
        Assert.Equal(0, roomy.Usage.Preemptions);
    }

    [Fact]
    public void Step_CacheFull_TheFirstInRankNeverGivesWay()
    {
        using var engine = Load(s_options with { CacheBytes = BytesPerToken * 512 });
        var run = new EngineRun(engine);
        Assert.True(engine.TryAdd(Greedy(1, 20, 300)));
        Assert.True(engine.TryAdd(Greedy(2, 20, 300) with { Priority = -1 }));
        Assert.True(engine.TryAdd(Greedy(3, 20, 300)));

        var (steps, silent) = (0, 0);
        run.StepUntil(() =>
        {
            steps++;
            silent += run[2].Count < 300 && run[2].Count < steps - 4 ? 1 : 0;
            return run[2].Count == 300;
        });

        Assert.Equal(0, silent);
        Assert.True(run[3].Count < 300);
        Assert.True(engine.Usage.Preemptions > 0);
        run.StepUntil(() => run[1].Count == 300 && run[3].Count == 300);
    }

    [Fact]
    public void Remove_SequenceThatGaveWay_ForgetsIt()
    {
        using var engine = Load(s_options with { CacheBytes = BytesPerToken * 512 });
        var run = new EngineRun(engine);
        Assert.All(Enumerable.Range(0, 3), id => Assert.True(engine.TryAdd(Greedy(id, 20, 300))));
        run.StepUntil(() => engine.Usage.Preemptions > 0);
        var last = run[2].Count;
        Assert.False(engine.TryAdd(Greedy(9, 5, 5)));

        engine.Remove(2);
        run.StepUntil(() => run[0].Count == 300 && run[1].Count == 300);

        Assert.Equal(last, run[2].Count);
        Assert.True(engine.TryAdd(Greedy(9, 5, 5)));
    }

    [Fact]
    public void Step_HigherPriorityCame_ItIsTakenInFirst()
    {
        using var engine = Load(s_options);
        var run = new EngineRun(engine);
        Assert.True(engine.TryAdd(Greedy(1, 200, 5)));
        run.Step();
        Assert.True(engine.TryAdd(Greedy(2, 100, 5)));
        Assert.True(engine.TryAdd(Greedy(3, 100, 5) with { Priority = -5 }));
        Assert.True(engine.TryAdd(Greedy(4, 100, 5) with { Priority = 5 }));

        var order = new List<long>();
        run.StepUntil(() =>
        {
            order.AddRange(new long[] { 1, 2, 3, 4 }.Where(id => run[id].Count > 0 && !order.Contains(id)));
            return order.Count == 4;
        });

        Assert.Equal([3, 1, 2, 4], order);
    }

    [Fact]
    public void Step_LongPromptIsHeldBack_ShortOnesPassAndItEndsAllTheSame()
    {
        using var engine = Load(s_options with { PrefillShare = 1.0 / 3 });
        var expected = EngineRun.Alone(engine, Greedy(2, 300, 5));
        var run = new EngineRun(engine);
        Assert.True(engine.TryAdd(Greedy(1, 4, 2000)));
        run.StepUntil(() => run[1].Count > 2);
        Assert.True(engine.TryAdd(Greedy(2, 300, 5)));
        run.Step();

        var steps = 0;
        for (var id = 3; run[2].Count < 5; id++)
        {
            Assert.True(engine.TryAdd(Greedy(id, 5, 3)));
            var before = run[1].Count;
            run.StepUntil(() => run[id].Count == 3);
            Assert.InRange(run[1].Count - before, 3, 4);
            steps += run[1].Count - before;
        }

        Assert.Equal(expected, run[2]);
        Assert.True(steps > 2 * 24, $"The long prompt took {steps} steps, so it was not held back.");
    }

    [Fact]
    public void Step_PromptReadAndGivenUp_IsReadOnce()
    {
        using var engine = Load(s_options with { CacheBytes = BytesPerToken * 512 });
        var reader = new CountingReader();
        var run = new EngineRun(engine);
        Assert.True(engine.TryAdd(Greedy(1, 20, 400)));
        Assert.True(engine.TryAdd(Greedy(2, 60, 200) with { PromptReader = reader }));

        run.StepUntil(() => run[1].Count == 400 && run[2].Count == 200);

        Assert.True(engine.Usage.Preemptions > 0);
        Assert.Equal(Enumerable.Range(1, 59), reader.Positions);
    }

    private SlotEngine Load(EngineOptions options) => SlotEngine.Load(tiny.Folder, options);

    private EngineSequence Greedy(long id, int promptLength, int newTokens) =>
        EngineRun.Greedy(id, promptLength, newTokens, tiny.Folder.VocabularySize);

    private sealed class CountingReader : IPromptReader
    {
        public List<int> Positions { get; } = [];

        public void Read(int position, ReadOnlySpan<float> logits) => Positions.Add(position);
    }
}
