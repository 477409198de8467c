using Kaito.InferenceHost.Engine;

namespace Kaito.Tests.InferenceHost.Engine;

public sealed class SlotEngineTests(TinyModelFixture tiny) : EngineContract(tiny)
{
    [Fact]
    public void Step_PromptStartsLikeAnEarlierSequence_ReusesItWithoutChangingTokens()
    {
        using var fresh = SlotEngine.Load(Folder, s_options with { PrefixBytes = 0 });
        using var engine = SlotEngine.Load(Folder, s_options);
        var first = Greedy(1, 50, 10);
        int[] turn = [.. first.Prompt.Span, .. EngineRun.Alone(engine, first), .. EngineRun.RandomPrompt(7, 5, 100)];
        var second = new EngineSequence(2, turn, 20, new GreedySampler());

        var tokens = EngineRun.Alone(engine, second);

        Assert.Equal(EngineRun.Alone(fresh, second), tokens);
        Assert.Equal(59, engine.ReusedTokens);
        Assert.Equal(0, fresh.ReusedTokens);
    }

    [Fact]
    public void Step_SamePromptTogether_IsComputedOnce()
    {
        using var engine = SlotEngine.Load(Folder, s_options with { PrefixBytes = 0 });
        var run = new EngineRun(engine);
        var sequences = Enumerable.Range(0, 3).Select(id => Greedy(5, 48, 12) with { Id = id }).ToArray();
        Assert.All(sequences, sequence => Assert.True(engine.TryAdd(sequence)));

        run.StepUntil(() => sequences.All(sequence => run[sequence.Id].Count == 12));

        Assert.Equal(2 * 47, engine.ReusedTokens);
        Assert.Equal(run[0], run[1]);
        Assert.Equal(run[0], run[2]);
    }

    [Fact]
    public void Step_SamePromptUnderOtherSalts_IsSharedWithinEachAlone()
    {
        using var engine = SlotEngine.Load(Folder, s_options);
        var run = new EngineRun(engine);
        string[] salts = ["one", "two", "one", ""];
        var sequences = salts.Select((salt, id) => Greedy(5, 48, 12) with { Id = id, CacheSalt = salt }).ToArray();
        Assert.All(sequences, sequence => Assert.True(engine.TryAdd(sequence)));

        run.StepUntil(() => sequences.All(sequence => run[sequence.Id].Count == 12));

        Assert.Equal(47, engine.ReusedTokens);
        Assert.All(sequences, sequence => Assert.Equal(run[0], run[sequence.Id]));
        EngineRun.Alone(engine, sequences[1] with { Id = 9 });
        Assert.Equal(47 + 47, engine.ReusedTokens);
    }

    [Fact]
    public void Step_ShortSequences_LeaveTheCacheFarBelowTheContext()
    {
        using var engine = SlotEngine.Load(Folder, s_options);

        EngineRun.Alone(engine, Greedy(1, 20, 4));
        Assert.Equal(new(1, 256), engine.CacheShape);
        EngineRun.Alone(engine, Greedy(2, 300, 4));
        Assert.Equal(new(1, 512), engine.CacheShape);
    }

    [Fact]
    public void TryAdd_CacheBudgetUsedUp_IsRefusedAndTheBudgetHolds()
    {
        // 4 layers, keys and values, 2 heads of 32 floats: 2048 bytes a token.
        const int BytesPerToken = 2048;
        const int BudgetTokens = 1024;
        using var engine = SlotEngine.Load(Folder, s_options with { CacheBytes = BytesPerToken * BudgetTokens });
        var run = new EngineRun(engine);
        Assert.Equal(BudgetTokens, engine.Limits.ContextTokens);
        Assert.True(engine.TryAdd(Greedy(1, 300, 200)));
        Assert.True(engine.TryAdd(Greedy(2, 10, 20)));

        Assert.False(engine.TryAdd(Greedy(3, 400, 20)));
        run.StepUntil(() =>
        {
            Assert.True(engine.CacheShape.Slots * engine.CacheShape.Tokens <= BudgetTokens);
            return run[1].Count == 200;
        });
        Assert.True(engine.TryAdd(Greedy(3, 900, 100)));
        run.StepUntil(() => run[3].Count == 100);

        Assert.Equal(20, run[2].Count);
        Assert.True(engine.CacheShape.Slots * engine.CacheShape.Tokens <= BudgetTokens);
    }

    [Fact]
    public void Load_BudgetBelowAnySequence_SaysWhatToRaise()
    {
        var error = Assert.Throws<EngineException>(() => SlotEngine.Load(Folder, s_options with { CacheBytes = 1000 }));

        Assert.Contains("CacheBytes is 1000", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_ConfigDisagreesWithGraph_NamesTheField()
    {
        var wrong = Folder with { Decoder = Folder.Decoder with { KvHeads = 3 } };
        var longer = Folder with { Decoder = Folder.Decoder with { Layers = 9 } };
        var larger = Folder with { VocabularySize = 7 };

        Assert.Contains("num_key_value_heads (3)", Reject(wrong), StringComparison.Ordinal);
        Assert.Contains("past_key_values.4.key is missing", Reject(longer), StringComparison.Ordinal);
        Assert.Contains("vocab_size (7)", Reject(larger), StringComparison.Ordinal);
    }

    [Fact]
    public void Step_SamplerThrows_ForgetsEverythingAndRunsOn()
    {
        using var engine = SlotEngine.Load(Folder, s_options);
        var expected = EngineRun.Alone(engine, Greedy(1, 9, 5));
        Assert.True(engine.TryAdd(new(2, new[] { 1, 2 }, 5, new BrokenSampler())));

        Assert.Throws<InvalidOperationException>(() => engine.Step([]));

        Assert.Equal(expected, EngineRun.Alone(engine, Greedy(1, 9, 5)));
    }

    private protected override IInferenceEngine Load(EngineOptions options) => SlotEngine.Load(Folder, options);

    private static string Reject(ModelFolder folder) =>
        Assert.Throws<ModelFolderException>(() => SlotEngine.Load(folder, s_options)).Message;

    private sealed class BrokenSampler : ITokenSampler
    {
        public int Sample(Span<float> logits) => throw new InvalidOperationException("broken");
    }
}
