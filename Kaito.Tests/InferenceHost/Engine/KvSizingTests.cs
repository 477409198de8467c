using Kaito.InferenceHost.Engine;

namespace Kaito.Tests.InferenceHost.Engine;

public sealed class KvSizingTests
{
    private static readonly KvSizing s_sizing = new(100, new(16, 4000), 100 * 8192);

    public static TheoryData<string, int, int, int, int, int, int, int> Shapes => new()
    {
        // name                        current    wanted  needed      next
        { "first allocation is small", 0, 0,      1,      1, 10,      1, 256 },
        { "room for who comes",        0, 0,      5,      1, 10,      8, 256 },
        { "what fits stays",           4, 512,    9,      3, 300,     4, 512 },
        { "slots double",              4, 256,    5,      5, 10,      8, 256 },
        { "tokens double",             2, 256,    2,      2, 257,     2, 512 },
        { "never more slots than set", 8, 256,    9,      9, 10,      16, 256 },
        { "never more than context",   1, 2048,   1,      1, 3000,    1, 4032 },
        { "exact near the budget",     2, 2048,   9,      3, 2049,    3, 2112 },
        { "long gives way to many",    1, 4032,   9,      9, 800,     9, 832 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Next_Need_IsHeldWithinTheBudget(
        string name, int slots, int tokens, int wanted, int needSlots, int needTokens, int nextSlots, int nextTokens)
    {
        var next = s_sizing.Next(new(slots, tokens), wanted, new(needSlots, needTokens));

        Assert.True(new KvShape(nextSlots, nextTokens) == next, $"{name}: {next}");
        Assert.True(s_sizing.Fits(next!.Value));
    }

    [Fact]
    public void Next_MoreThanTheBudget_IsNothing() =>
        Assert.Null(s_sizing.Next(new(4, 2048), 5, new(5, 2000)));

    [Theory]
    [InlineData(100 * 8192, 4000)]
    [InlineData(100 * 1000, 960)]
    [InlineData(100 * 63, 0)]
    public void ContextTokens_Budget_IsWhatOneSequenceCanHold(long budget, int expected) =>
        Assert.Equal(expected, (s_sizing with { BudgetBytes = budget }).ContextTokens);
}
