using System.Text.Json.Nodes;
using Kaito.InferenceHost;
using Kaito.InferenceHost.Constraints;
using Kaito.InferenceHost.Engine;
using Kaito.InferenceHost.Generation;
using Kaito.InferenceHost.Models;
using Microsoft.Extensions.Logging;

namespace Kaito.Tests.InferenceHost.Engine;

public sealed class SpeculationTests(TinyModelFixture tiny)
{
    private static readonly EngineOptions s_plain = new()
    {
        MaxSequences = 4,
        Threads = 1,
        CacheBytes = 64 << 20,
        PrefixBytes = 0,
    };

    private static readonly EngineOptions s_guessing = s_plain with { Speculation = new(6, 3, 1) { Always = true } };

    [Theory]
    [InlineData(new[] { 1, 2, 3, 9, 1, 2, 3 }, 9, new[] { 3, 9, 1, 2, 3 })]
    [InlineData(new[] { 1, 2, 3, 9, 1, 2, 3 }, 2, new[] { 3, 9, 1 })]
    [InlineData(new[] { 5, 3, 8, 1, 3, 7, 5, 3 }, 1, new[] { 3, 8 })]
    [InlineData(new[] { 4, 4 }, 9, new[] { 4, 4 })]
    [InlineData(new[] { 1, 2, 3 }, 9, new int[0])]
    [InlineData(new[] { 1 }, 9, new int[0])]
    [InlineData(new[] { 4, 4 }, 0, new int[0])]
    public void Draft_LatestTokensCameBefore_GoesOnAsThen(int[] tokens, int most, int[] expected)
    {
        var speculation = new Speculation(new(4, 3, 1) { Always = true });

        Assert.Equal(expected, speculation.Draft(tokens, most).ToArray());
    }

    [Fact]
    public void Draft_FewerThanTheShortestMatch_IsNone()
    {
        var speculation = new Speculation(new(4, 3, 2) { Always = true });

        Assert.True(speculation.Draft([5, 3, 8, 1, 3], 9).IsEmpty);
        Assert.Equal([3, 8, 5, 3], speculation.Draft([5, 3, 8, 5, 3], 9).ToArray());
    }

    [Fact]
    public void Allows_GuessesThatCostMore_RestsLongerEachTime()
    {
        var pace = new SpeculationPace();
        Assert.False(pace.Allows());
        pace.Plain(TimeSpan.FromMilliseconds(10));

        var rests = new List<int>();
        for (var round = 0; round < 6; round++)
        {
            Assert.True(pace.Allows());
            pace.Drafted(1, TimeSpan.FromMilliseconds(20));
            var rest = 0;
            while (!pace.Allows())
            {
                rest++;
            }

            rests.Add(rest);
        }

        Assert.Equal([4, 8, 16, 32, 64, 64], rests);
    }

    [Fact]
    public void Allows_GuessesThatPay_GoesOnUntilTheyDoNot()
    {
        var pace = new SpeculationPace();
        pace.Plain(TimeSpan.FromMilliseconds(10));
        for (var draft = 0; draft < 20; draft++)
        {
            Assert.True(pace.Allows());
            pace.Drafted(3, TimeSpan.FromMilliseconds(15));
        }

        var wrong = 0;
        while (pace.Allows() && wrong < 50)
        {
            pace.Drafted(1, TimeSpan.FromMilliseconds(15));
            wrong++;
        }

        Assert.InRange(wrong, 2, 10);
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(0.8f)]
    public void Step_Guessing_GivesTheSameTokensInFewerSteps(float temperature)
    {
        using var plain = SlotEngine.Load(tiny.Folder, s_plain);
        using var guessing = SlotEngine.Load(tiny.Folder, s_guessing);
        var (plainSteps, steps) = (0, 0);
        for (var seed = 0; seed < 6; seed++)
        {
            // Text that repeats itself, as code and extracts do.
            var part = EngineRun.RandomPrompt(seed, 12, tiny.Folder.VocabularySize);
            int[] prompt = [.. part, .. part, .. part];
            var expected = Tokens(plain, prompt, temperature, seed, ref plainSteps);
            Assert.Equal(expected, Tokens(guessing, prompt, temperature, seed, ref steps));
        }

        var counts = guessing.Usage.Speculation!;
        Assert.InRange(counts.Accepted, 1, counts.DraftTokens);
        Assert.Equal(plainSteps - steps, counts.Accepted);
        Assert.Null(plain.Usage.Speculation);
    }

    [Fact]
    public void Step_GuessingBesideOthersAndAtTheEnd_GivesWhatSoloRunsGive()
    {
        using var plain = SlotEngine.Load(tiny.Folder, s_plain);
        using var guessing = SlotEngine.Load(tiny.Folder, s_guessing);
        var sequences = Enumerable.Range(0, 3)
            .Select(id => new EngineSequence(
                id, Enumerable.Repeat(EngineRun.RandomPrompt(id, 6, 200), 4).SelectMany(static p => p).ToArray(), 20 + (25 * id), new GreedySampler()))
            .ToArray();
        var expected = sequences.Select(sequence => Run(plain, [sequence])[sequence.Id]).ToArray();

        var together = Run(guessing, sequences);

        Assert.All(sequences, sequence => Assert.Equal(expected[sequence.Id], together[sequence.Id]));
        Assert.True(guessing.Usage.Speculation!.Drafts > 0);
    }

    [Fact]
    public void Step_OneByOne_IsNotGuessed()
    {
        using var guessing = SlotEngine.Load(tiny.Folder, s_guessing);
        var sequence = new EngineSequence(1, new[] { 5, 5, 5, 5, 5, 5 }, 30, new GreedySampler()) { OneByOne = true };

        _ = EngineRun.Alone(guessing, sequence);

        Assert.Equal(0, guessing.Usage.Speculation!.Drafts);
    }

    [Fact]
    public async Task Completions_Guessing_AnswersTheSameAndCounts()
    {
        var plain = new InferenceHostOptions(tiny.Folder.Path, "tiny") { Urls = "http://127.0.0.1:0" };
        var guessing = plain with { Speculation = new(4, 3, 1) { Always = true } };
        await using var one = await InferenceHostFixture.StartAsync(ModelLoading.CreateLoader(plain, TimeProvider.System), plain);
        await using var two = await InferenceHostFixture.StartAsync(ModelLoading.CreateLoader(guessing, TimeProvider.System), guessing);
        const string Ask = """{"prompt":"one two three one two three one two","max_tokens":60,""";
        string[] asks =
        [
            """ "temperature":0,"ignore_eos":true,"stop":["zzz"]}""",
            """ "temperature":0,"ignore_eos":true,"logprobs":3}""",
            """ "temperature":0,"min_tokens":30,"repetition_penalty":1.1,"bad_words":["the"]}""",
            """ "temperature":0,"guided_regex":"(one two three ){12}"}""",
            """ "temperature":0,"guided_json":{"type":"array","items":{"const":{"name":"a longer text"}},"minItems":5,"maxItems":9}}""",
            """ "temperature":0.7,"seed":5,"ignore_eos":true}""",
        ];

        foreach (var ask in asks)
        {
            var (status, expected) = await one.PostAsync("/v1/completions", Ask + ask);
            var (_, answer) = await two.PostAsync("/v1/completions", Ask + ask);

            Assert.True(status == 200, expected);
            Assert.Equal(Choice(expected), Choice(answer));
        }

        var (_, metrics) = await two.GetAsync("/metrics");
        Assert.Matches("(?m)^vllm:spec_decode_num_drafts_total\\{[^}]*\\} [1-9]", metrics);
        Assert.Matches("(?m)^vllm:spec_decode_num_accepted_tokens_per_pos_total\\{[^}]*position=\"3\"\\} [0-9]", metrics);

        // Log probabilities differ in their last digits: the runtime adds up rows together in another order.
        static string Choice(string body)
        {
            var choice = JsonNode.Parse(body)!["choices"]![0]!;
            return $"{choice["text"]} {choice["finish_reason"]} {choice["logprobs"]?["tokens"]?.ToJsonString()}";
        }
    }

    [Fact]
    public async Task Start_EngineThatCannotCheckGuesses_IsAWarning()
    {
        using var log = new KeptLog();
        await using var host = await InferenceHostFixture.StartAsync(
            () => ScriptedEngine.Load(new()), InferenceHostFixture.Options with { Speculation = new(4) },
            adjust: builder => builder.Logging.AddProvider(log));

        Assert.Contains(log.Lines, static line => line.Contains("speculative-config has no effect", StringComparison.Ordinal));
    }

    [Fact]
    public void Step_GuessingWithinAForm_TakesFewerSteps()
    {
        using var plain = SlotEngine.Load(tiny.Folder, s_plain);
        using var guessing = SlotEngine.Load(tiny.Folder, s_guessing);
        var model = ModelLoading.CreateLoader(
            new(tiny.Folder.Path, "tiny") { Urls = "http://127.0.0.1:0" }, TimeProvider.System)();
        using var unused = model.Engine;
        var grammar = Grammar.Regex("(one two three ){30}");

        var (expected, plainSteps) = Answer(plain, model.Model.Grammars.Compile(grammar));
        var (answer, steps) = Answer(guessing, model.Model.Grammars.Compile(grammar));

        Assert.Equal(expected, answer);
        Assert.InRange(steps, 1, plainSteps * 2 / 3);

        static (int[] Tokens, int Steps) Answer(SlotEngine engine, GrammarMatcher form)
        {
            using (form)
            {
                var sampler = new TokenSampler(SamplingParameters.Greedy, default, [], 0) { Constraint = form };
                Assert.True(engine.TryAdd(new(1, new[] { 5, 6, 7 }, 90, sampler)));
                var produced = new List<EngineToken>();
                var steps = 0;
                for (; produced.Count < 90; steps++)
                {
                    engine.Step(produced);
                }

                return ([.. produced.Select(static made => made.Token)], steps);
            }
        }
    }

    private static int[] Tokens(SlotEngine engine, int[] prompt, float temperature, int seed, ref int steps)
    {
        var sampler = new TokenSampler(new(Temperature: temperature, TopP: 0.9f, Seed: seed), prompt, [], 0);
        Assert.True(engine.TryAdd(new(seed, prompt, 60, sampler)));
        var produced = new List<EngineToken>();
        while (produced.Count < 60)
        {
            engine.Step(produced);
            steps++;
        }

        return [.. produced.Select(static made => made.Token)];
    }

    private static Dictionary<long, int[]> Run(SlotEngine engine, EngineSequence[] sequences)
    {
        Assert.All(sequences, sequence => Assert.True(engine.TryAdd(sequence)));
        var produced = new List<EngineToken>();
        while (produced.Count < sequences.Sum(static sequence => sequence.MaxNewTokens))
        {
            engine.Step(produced);
        }

        return produced.GroupBy(static made => made.SequenceId)
            .ToDictionary(static one => one.Key, static one => one.Select(static made => made.Token).ToArray());
    }
}
