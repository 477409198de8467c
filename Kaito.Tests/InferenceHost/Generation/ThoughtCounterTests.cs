using Kaito.InferenceHost.Generation;

namespace Kaito.Tests.InferenceHost.Generation;

public sealed class ThoughtCounterTests
{
    [Theory]
    [InlineData(true, "one| two|</think>|answer", 2)]
    [InlineData(true, "one| two|<|/|think|>|answer", 2)]
    [InlineData(true, "one|</|b>| two|</think>", 4)]
    [InlineData(true, "never ends|at all", 2)]
    [InlineData(false, "<think>|one|two|</think>|three", 2)]
    [InlineData(false, "<th|ink>|one|</think>|<think>|again|</think>", 1)]
    [InlineData(false, "no|thought", 0)]
    public void Push_Pieces_CountsTheTokensOfTheFirstThought(bool within, string pieces, int expected)
    {
        var counter = new ThoughtCounter(within);

        Assert.Equal(expected, pieces.Split('|').Sum(counter.Push));
    }
}
