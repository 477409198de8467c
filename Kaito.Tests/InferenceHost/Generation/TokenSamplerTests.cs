using Kaito.InferenceHost.Engine;
using Kaito.InferenceHost.Generation;

namespace Kaito.Tests.InferenceHost.Generation;

public sealed class TokenSamplerTests
{
    private static readonly float[] s_row = [1, 3, 2, -1];

    [Fact]
    public void Sample_Greedy_TakesTheLargest() =>
        Assert.Equal(1, Create(SamplingParameters.Greedy).Sample([.. s_row]));

    [Theory]
    [InlineData(1, 1f, 0f, new[] { 1 })]
    [InlineData(2, 1f, 0f, new[] { 1, 2 })]
    [InlineData(0, 0.6f, 0f, new[] { 1 })]
    [InlineData(0, 0.8f, 0f, new[] { 1, 2 })]
    [InlineData(0, 1f, 0.2f, new[] { 1, 2 })]
    [InlineData(3, 0.95f, 0f, new[] { 0, 1, 2 })]
    [InlineData(0, 1f, 0f, new[] { 0, 1, 2, 3 })]
    public void Sample_Filters_DrawExactlyTheKeptTokens(int topK, float topP, float minP, int[] expected)
    {
        var sampler = Create(new(TopK: topK, TopP: topP, MinP: minP, Seed: 1));

        var seen = Enumerable.Range(0, 4000).Select(_ => sampler.Sample([.. s_row])).Distinct().Order();

        Assert.Equal(expected, seen);
    }

    [Theory]
    [InlineData(1f)]
    [InlineData(0.5f)]
    [InlineData(2f)]
    public void Sample_Temperature_DrawsTheSoftmaxShares(float temperature)
    {
        const int Draws = 40_000;
        var sampler = Create(new(Temperature: temperature, Seed: 7));
        var weights = s_row.Select(x => Math.Exp(x / temperature)).ToArray();
        var counts = new int[s_row.Length];
        for (var i = 0; i < Draws; i++)
        {
            counts[sampler.Sample([.. s_row])]++;
        }

        for (var i = 0; i < counts.Length; i++)
        {
            Assert.Equal(weights[i] / weights.Sum(), (double)counts[i] / Draws, 0.012);
        }
    }

    [Fact]
    public void Sample_SameSeed_GivesTheSameTokens()
    {
        var (first, second) = (Create(new(Seed: 42, TopP: 0.9f)), Create(new(Seed: 42, TopP: 0.9f)));

        Assert.Equal(
            Enumerable.Range(0, 100).Select(_ => first.Sample([.. s_row])),
            Enumerable.Range(0, 100).Select(_ => second.Sample([.. s_row])));
    }

    [Fact]
    public void Sample_RepetitionPenalty_CountsThePromptAndDividesPositiveLogits()
    {
        var sampler = Create(SamplingParameters.Greedy with { RepetitionPenalty = 2 }, [1]);
        var row = (float[])[.. s_row];

        Assert.Equal(2, sampler.Sample(row));
        Assert.Equal([1f, 1.5f, 2f, -1f], row);
    }

    [Fact]
    public void Sample_OutputPenalties_GrowWithTheCount()
    {
        var sampler = Create(SamplingParameters.Greedy with { PresencePenalty = 0.5f, FrequencyPenalty = 0.25f });
        _ = sampler.Sample([.. s_row]);
        _ = sampler.Sample([.. s_row]);
        var row = (float[])[.. s_row];

        _ = sampler.Sample(row);

        Assert.Equal(3 - 0.5f - (2 * 0.25f), row[1]);
    }

    [Fact]
    public void Sample_BiasAndMinimumLength_ChangeTheChoice()
    {
        Assert.Equal(3, Create(SamplingParameters.Greedy with { Bias = [new(3, 100)] }).Sample([.. s_row]));
        var sampler = new TokenSampler(SamplingParameters.Greedy, default, [1], 1);
        Assert.Equal(2, sampler.Sample([.. s_row]));
        Assert.Equal(1, sampler.Sample([.. s_row]));
    }

    [Fact]
    public void Sample_NotANumber_IsAnEngineFailure() =>
        Assert.Throws<EngineException>(() => Create(SamplingParameters.Greedy).Sample([1, float.NaN]));

    [Theory]
    [InlineData(0.1f)]
    [InlineData(0.5f)]
    [InlineData(0.9f)]
    [InlineData(0.999f)]
    public void KeepMass_RandomWeights_MatchesAFullSort(float share)
    {
        var random = new Random(2026);
        var weights = Enumerable.Range(0, 5000).Select(_ => (float)Math.Pow(random.NextDouble(), 8)).ToArray();
        var ids = Enumerable.Range(0, weights.Length).ToArray();
        var sorted = weights.OrderDescending().ToArray();
        var target = weights.Sum(w => (double)w) * share;
        var (expected, mass) = (0, 0.0);
        while (mass < target)
        {
            mass += sorted[expected++];
        }

        var kept = Candidates.KeepMass(weights, ids, share);

        Assert.Equal(expected, kept);
        Assert.Equal(sorted[..expected], weights[..kept].OrderDescending());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(40)]
    [InlineData(4999)]
    public void KeepCount_RandomWeights_MatchesAFullSort(int limit)
    {
        var random = new Random(2026);
        var weights = Enumerable.Range(0, 5000).Select(_ => random.Next(600) / 600f).ToArray();
        var original = weights.ToArray();
        var ids = Enumerable.Range(0, weights.Length).ToArray();

        var kept = Candidates.KeepCount(weights, ids, limit);

        Assert.Equal(limit, kept);
        Assert.Equal(original.OrderDescending().Take(limit), weights[..kept].OrderDescending());
        Assert.All(Enumerable.Range(0, kept), i => Assert.Equal(original[ids[i]], weights[i]));
    }

    private static TokenSampler Create(SamplingParameters parameters, int[]? prompt = null) =>
        new(parameters, prompt ?? [], [], 0);
}
