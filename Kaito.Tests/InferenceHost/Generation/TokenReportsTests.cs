using Kaito.InferenceHost.Generation;

namespace Kaito.Tests.InferenceHost.Generation;

public sealed class TokenReportsTests
{
    private static readonly float[] s_row = [1, 3, 2, -1, 3];

    [Theory]
    [InlineData(0, "")]
    [InlineData(1, "1")]
    [InlineData(3, "1 4 2")]
    [InlineData(TokenReports.All, "1 4 2 0 3")]
    public void Read_Alternatives_AreTheMostProbableOfEqualsTheLowerIdFirst(int top, string expected) =>
        Assert.Equal(expected, string.Join(' ', TokenReports.Read(s_row, 0, top).Top.Select(static t => t.Token)));

    [Fact]
    public void Read_Logprobs_AreThoseOfTheSoftmax()
    {
        var report = TokenReports.Read(s_row, 2, TokenReports.All);

        var total = s_row.Sum(static x => Math.Exp(x));
        Assert.Equal((2, 3), (report.Chosen.Token, report.Rank));
        Assert.All(report.Top, t => Assert.Equal(Math.Log(Math.Exp(s_row[t.Token]) / total), t.Logprob, 1e-5));
        Assert.Equal(1, report.Top.Sum(static t => Math.Exp(t.Logprob)), 1e-5);
    }

    [Fact]
    public void Read_ImpossibleToken_HasTheLeastNumberOfTheProtocol() =>
        Assert.Equal(-9999, TokenReports.Read([0, float.NegativeInfinity], 1, 0).Chosen.Logprob);

    [Fact]
    public void Sample_WithReport_ReportsTheModelsOwnDistribution()
    {
        var sampler = new TokenSampler(new(Temperature: 0, Bias: [new(3, 100)]), default, [], 0) { Report = 1 };

        Assert.Equal(3, sampler.Sample([.. s_row]));
        Assert.Equal((3, 5, 1), (sampler.Reported!.Chosen.Token, sampler.Reported.Rank, sampler.Reported.Top[0].Token));
        Assert.InRange(sampler.Reported.Chosen.Logprob, -10, -4);
    }

    [Fact]
    public void Sample_AllowedTokens_AreTheOnlyOnes()
    {
        var sampler = new TokenSampler(
            SamplingParameters.Greedy with { Allowed = System.Collections.Frozen.FrozenSet.Create(0, 3) }, default, [], 0);

        Assert.Equal(0, sampler.Sample([.. s_row]));
    }

    [Fact]
    public void Sample_BannedSequence_LosesItsLastToken()
    {
        var sampler = new TokenSampler(SamplingParameters.Greedy with { Banned = [[1, 1], [4]] }, default, [], 0);

        Assert.Equal([1, 2, 1, 2], Enumerable.Range(0, 4).Select(_ => sampler.Sample([.. s_row])));
    }

    [Fact]
    public void Sample_NothingAllowed_EndsTheAnswer()
    {
        var parameters = SamplingParameters.Greedy with
        {
            Allowed = System.Collections.Frozen.FrozenSet.Create(1),
            Banned = [[1]],
        };

        Assert.Equal(2, new TokenSampler(parameters, default, [2], 0).Sample([.. s_row]));
    }
}
