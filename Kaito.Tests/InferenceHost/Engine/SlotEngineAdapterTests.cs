using Kaito.InferenceHost.Engine;

namespace Kaito.Tests.InferenceHost.Engine;

/// <summary>Adapters per row of one batch, against logits of each merged model that transformers computed.</summary>
public sealed class SlotEngineAdapterTests(GoldenAdapters golden)
{
    private const float Tolerance = 2e-4f;

    private static readonly EngineOptions s_options = new()
    {
        Threads = 1,
        PrefillTokens = 7,
        MaxSequences = 8,
        CacheBytes = 16 << 20,
        PrefixBytes = 1 << 20,
    };

    [Fact]
    public void Step_RowsWithDifferentAdaptersAndNone_GiveTheLogitsOfEachMergedModel()
    {
        using var engine = SlotEngine.Load(golden.Model, s_options);
        var (a, b) = (GoldenAdapters.Read("adapter-a", engine), GoldenAdapters.Read("adapter-b", engine));
        var rows = new (string Name, AdapterMix? Mix)[]
        {
            ("adapter-a", GoldenAdapters.Mix(new AdapterShare(a, 1))),
            ("base", null),
            ("adapter-b", GoldenAdapters.Mix(new AdapterShare(b, 1))),
            ("adapter-a", GoldenAdapters.Mix(new(a, 1), new(b, 0))),
            ("base", GoldenAdapters.Mix(new AdapterShare(b, 0))),
        };

        // Only the first token is a prompt: the others are decoded, all rows in the same steps.
        var samplers = rows.Select(_ => new DictatingSampler(golden.Input)).ToArray();
        var run = new EngineRun(engine);
        for (var row = 0; row < rows.Length; row++)
        {
            Assert.True(engine.TryAdd(new(row, golden.Input.AsMemory(0, 1), golden.Input.Length, samplers[row])
            {
                Adapters = rows[row].Mix,
            }));
        }

        run.StepUntil(() => rows.Index().All(row => run[row.Index].Count == golden.Input.Length));

        Assert.All(rows.Index(), row => AssertClose(golden.Logits(row.Item.Name), samplers[row.Index].Seen));
    }

    [Theory]
    [InlineData("base")]
    [InlineData("adapter-a")]
    [InlineData("adapter-b")]
    public void Step_PromptInChunks_GivesTheLogitsOfTheMergedModel(string name)
    {
        using var engine = SlotEngine.Load(golden.Model, s_options);
        var reader = new KeptPrompt();
        var sampler = new DictatingSampler([0, 0]);
        var mix = name == "base" ? null
            : GoldenAdapters.Mix(new AdapterShare(GoldenAdapters.Read(name, engine), 1));

        EngineRun.Alone(engine, new(1, golden.Input, 1, sampler) { Adapters = mix, PromptReader = reader });

        AssertClose(golden.Logits(name), [.. reader.Seen, .. sampler.Seen]);
    }

    [Fact]
    public void Step_HalfOfTwoAdapters_LiesBetweenThem()
    {
        using var engine = SlotEngine.Load(golden.Model, s_options);
        var (a, b) = (GoldenAdapters.Read("adapter-a", engine), GoldenAdapters.Read("adapter-b", engine));

        var half = First(engine, GoldenAdapters.Mix(new AdapterShare(a, 0.5f)));
        var both = First(engine, GoldenAdapters.Mix(new(a, 0.5f), new(b, 0.5f)));
        var turned = First(engine, GoldenAdapters.Mix(new(b, 0.5f), new(a, 0.5f)));

        Assert.NotEqual(golden.Logits("adapter-a")[^1][0], half[0], Tolerance);
        Assert.NotEqual(golden.Logits("base")[^1][0], half[0], Tolerance);
        Assert.NotEqual(both[0], half[0], Tolerance);
        AssertClose([both], [turned]);
    }

    [Fact]
    public void Step_SamePromptUnderAnotherAdapter_TakesNothingFromThePrefixCache()
    {
        using var engine = SlotEngine.Load(golden.Model, s_options);
        var a = GoldenAdapters.Mix(new AdapterShare(GoldenAdapters.Read("adapter-a", engine), 1));
        var again = GoldenAdapters.Mix(new AdapterShare(GoldenAdapters.Read("adapter-a", engine), 1));
        _ = First(engine, a);

        _ = First(engine, null);
        _ = First(engine, again);
        Assert.Equal(0, engine.ReusedTokens);
        _ = First(engine, a);

        Assert.Equal(golden.Input.Length - 1, engine.ReusedTokens);
    }

    [Fact]
    public void Step_MoreAdaptersThanAreKeptTogether_EachRowKeepsItsOwn()
    {
        using var engine = SlotEngine.Load(golden.Model, s_options);
        var expected = golden.Logits("adapter-b");
        for (var round = 0; round < 12; round++)
        {
            // New weights of the same values each time: stacks come and go.
            var mix = GoldenAdapters.Mix(new AdapterShare(GoldenAdapters.Read("adapter-b", engine), 1));

            AssertClose([expected[^1]], [First(engine, mix)]);
        }
    }

    [Fact]
    public void TryAdd_AdapterOnAModelWithoutInputsForIt_IsRefused()
    {
        using var engine = SlotEngine.Load(golden.Model, s_options);
        using var reference = GenAiEngine.Load(golden.Model, s_options);
        var mix = GoldenAdapters.Mix(new AdapterShare(GoldenAdapters.Read("adapter-a", engine), 1));

        var refused = Assert.Throws<ArgumentException>(
            () => reference.TryAdd(new(1, golden.Input, 1, new GreedySampler()) { Adapters = mix }));

        Assert.Contains("this model takes none", refused.Message, StringComparison.Ordinal);
        Assert.Equal(
            EngineRun.Alone(engine, new(2, golden.Input, 5, new GreedySampler())),
            EngineRun.Alone(reference, new(2, golden.Input, 5, new GreedySampler())));
    }

    private float[] First(SlotEngine engine, AdapterMix? mix)
    {
        var sampler = new DictatingSampler([0, 0]);
        EngineRun.Alone(engine, new(1, golden.Input, 1, sampler) { Adapters = mix });
        return sampler.Seen.Single();
    }

    private static void AssertClose(float[][] expected, List<float[]> actual)
    {
        Assert.Equal(expected.Length, actual.Count);
        for (var row = 0; row < expected.Length; row++)
        {
            var worst = expected[row].Zip(actual[row], static (e, a) => Math.Abs(e - a)).Max();
            Assert.True(worst <= Tolerance, $"Row {row} is off by {worst}.");
        }
    }

    /// <summary>Goes on with given tokens whatever the model says, and keeps what it said.</summary>
    private sealed class DictatingSampler(int[] tokens) : ITokenSampler
    {
        public List<float[]> Seen { get; } = [];

        public int Sample(Span<float> logits)
        {
            Seen.Add(logits.ToArray());
            return tokens[Seen.Count % tokens.Length];
        }
    }

    private sealed class KeptPrompt : IPromptReader
    {
        public List<float[]> Seen { get; } = [];

        public void Read(int position, ReadOnlySpan<float> logits) => Seen.Add(logits.ToArray());
    }
}
