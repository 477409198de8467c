using Kaito.InferenceHost.Engine;

namespace Kaito.Tests.InferenceHost.Engine;

/// <summary>What every engine does; derived once per implementation.</summary>
public abstract class EngineContract(TinyModelFixture tiny)
{
    private protected static readonly EngineOptions s_options = new()
    {
        MaxSequences = 6,
        PrefillTokens = 16,
        Threads = 1,
        CacheBytes = 64 << 20,
        PrefixBytes = 4 << 20,
        PrefillShare = 1,
    };

    private protected ModelFolder Folder => tiny.Folder;

    [Fact]
    public void Step_OneSequence_GivesTheTokensOfTheReference()
    {
        using var engine = Load(s_options);
        using var reference = GenAiEngine.Load(Folder, s_options);
        var sequence = Greedy(1, 20, 40);

        Assert.Equal(EngineRun.Alone(reference, sequence), EngineRun.Alone(engine, sequence));
    }

    [Fact]
    public void Step_SequencesJoiningAndLeaving_EqualTheirSoloRuns()
    {
        var random = new Random(9);
        var sequences = Enumerable.Range(0, 24)
            .Select(id => Greedy(id, random.Next(1, 40), random.Next(1, 40))).ToArray();
        using var solo = Load(s_options);
        var expected = sequences.Select(sequence => EngineRun.Alone(solo, sequence)).ToArray();
        using var engine = Load(s_options);
        var run = new EngineRun(engine);

        run.StepAll(sequences);

        Assert.All(sequences, sequence => Assert.Equal(expected[sequence.Id], run[sequence.Id]));
    }

    [Fact]
    public void Remove_InTheMiddle_LeavesTheOthersAsTheyWere()
    {
        using var engine = Load(s_options);
        var sequences = Enumerable.Range(0, 6).Select(id => Greedy(id, 5 + (7 * id), 30)).ToArray();
        var expected = sequences.Select(sequence => EngineRun.Alone(engine, sequence)).ToArray();
        var run = new EngineRun(engine);
        Assert.All(sequences, sequence => Assert.True(engine.TryAdd(sequence)));

        run.StepUntil(() => run[3].Count >= 3);
        engine.Remove(1);
        engine.Remove(5);
        engine.Remove(99);
        var (one, five) = (run[1].Count, run[5].Count);
        run.StepUntil(() => new[] { 0, 2, 3, 4 }.All(id => run[id].Count == 30));

        Assert.Equal((one, five), (run[1].Count, run[5].Count));
        Assert.All(new[] { 0, 2, 3, 4 }, id => Assert.Equal(expected[id], run[id]));
    }

    [Fact]
    public void TryAdd_EverySlotTaken_IsRefusedUntilOneIsRemoved()
    {
        using var engine = Load(s_options);
        Assert.All(Enumerable.Range(0, 6), id => Assert.True(engine.TryAdd(Greedy(id, 3, 5))));

        Assert.False(engine.TryAdd(Greedy(6, 3, 5)));
        engine.Remove(2);
        Assert.True(engine.TryAdd(Greedy(6, 3, 5)));
    }

    [Fact]
    public void Step_MaxNewTokensReached_FreesTheSlotItself()
    {
        using var engine = Load(s_options with { MaxSequences = 1 });
        var run = new EngineRun(engine);
        Assert.True(engine.TryAdd(Greedy(1, 4, 3)));

        run.StepUntil(() => run[1].Count == 3);

        Assert.Empty(run.Step());
        Assert.True(engine.TryAdd(Greedy(2, 4, 3)));
    }

    [Fact]
    public void Step_LongPrompt_TakesOneChunkPerStepWhileOthersDecode()
    {
        using var engine = Load(s_options);
        var run = new EngineRun(engine);
        Assert.True(engine.TryAdd(Greedy(1, 4, 60)));
        run.Step();
        Assert.True(engine.TryAdd(Greedy(2, 16 * 5, 4)));

        for (var chunk = 0; chunk < 4; chunk++)
        {
            Assert.Equal([1L], run.Step().Select(static token => token.SequenceId));
        }

        Assert.Equal([1L, 2L], run.Step().Select(static token => token.SequenceId).Order());
    }

    [Theory]
    [InlineData(0, 1, "at least 1")]
    [InlineData(4, 0, "at least 1")]
    [InlineData(4000, 97, "exceeds the context of 4096")]
    [InlineData(4, int.MaxValue, "exceeds the context of 4096")]
    public void TryAdd_OutsideTheLimits_NamesThem(int promptLength, int newTokens, string expected)
    {
        using var engine = Load(s_options);

        var error = Assert.Throws<ArgumentException>(() => engine.TryAdd(Greedy(1, promptLength, newTokens)));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1_000_000)]
    public void TryAdd_UnknownToken_NamesIt(int token)
    {
        using var engine = Load(s_options);
        var sequence = new EngineSequence(1, new[] { 3, token }, 1, new GreedySampler());

        var error = Assert.Throws<ArgumentException>(() => engine.TryAdd(sequence));

        Assert.Contains($"Prompt[1] is {token}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Step_WholeContext_IsUsable()
    {
        using var engine = Load(s_options with { PrefillTokens = 1024 });

        var tokens = EngineRun.Alone(engine, Greedy(1, 4090, 6));

        Assert.Equal(6, tokens.Length);
    }

    [Fact]
    public async Task Dispose_DuringSteps_EndsThemWithAnException()
    {
        var engine = Load(s_options with { PrefillTokens = 4000 });
        Assert.True(engine.TryAdd(Greedy(1, 4000, 90)));
        var started = new TaskCompletionSource();
        var stepping = Task.Factory.StartNew(
            () =>
            {
                started.SetResult();
                while (true)
                {
                    engine.Step([]);
                }
            },
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        await started.Task;

        engine.Dispose();

        var error = await Record.ExceptionAsync(() =>
            stepping.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        Assert.True(error is EngineException or ObjectDisposedException, $"{error}");
        engine.Remove(1);
        engine.Dispose();
    }

    private protected abstract IInferenceEngine Load(EngineOptions options);

    private protected EngineSequence Greedy(long id, int promptLength, int newTokens) =>
        EngineRun.Greedy(id, promptLength, newTokens, Folder.VocabularySize);
}
