using Kaito.InferenceHost.Constraints;

namespace Kaito.Tests.InferenceHost.Constraints;

public sealed class TokenMaskTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(31)]
    [InlineData(64)]
    [InlineData(77)]
    [InlineData(1000)]
    public void Apply_AnyLength_LeavesWhatHasItsBit(int vocabulary)
    {
        var random = new Random(vocabulary);
        var allowed = Enumerable.Range(0, (vocabulary + 31) / 32).Select(i => (i % 4) switch
        {
            0 => uint.MaxValue,
            1 => 0u,
            _ => (uint)random.NextInt64(1L << 32),
        }).ToArray();
        var logits = Enumerable.Range(0, vocabulary).Select(static i => (float)i).ToArray();

        TokenMask.Apply(allowed, logits);

        Assert.Equal(
            Enumerable.Range(0, vocabulary).Select(i =>
                (allowed[i / 32] >> (i % 32) & 1) == 1 ? i : float.NegativeInfinity),
            logits);
    }

    [Fact]
    public void Apply_FewerBitsThanTokens_TakesTheRestOut()
    {
        var logits = new float[70];

        TokenMask.Apply([uint.MaxValue, 1], logits);

        Assert.Equal(33, logits.Count(static logit => logit == 0));
        Assert.Equal(0, logits[32]);
    }
}
