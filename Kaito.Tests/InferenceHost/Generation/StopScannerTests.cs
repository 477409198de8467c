using Kaito.InferenceHost.Generation;

namespace Kaito.Tests.InferenceHost.Generation;

public sealed class StopScannerTests
{
    [Fact]
    public void Push_StopSpansPieces_EndsBeforeIt()
    {
        var scanner = new StopScanner(["</s>"], false);

        Assert.Equal("one ", scanner.Push("one <"));
        Assert.Equal("", scanner.Push("/s"));
        Assert.Equal("", scanner.Push(">two"));
        Assert.Equal("</s>", scanner.Found);
    }

    [Fact]
    public void Push_HeldTextCannotMatchAnyMore_IsSentAtOnce()
    {
        var scanner = new StopScanner(["</s>"], false);

        Assert.Equal("", scanner.Push("</"));
        Assert.Equal("</b", scanner.Push("b"));
        Assert.Equal("<", scanner.Push("<<"));
        Assert.Equal("<", scanner.Flush());
        Assert.Null(scanner.Found);
    }

    [Theory]
    [InlineData(false, "a")]
    [InlineData(true, "ab")]
    public void Push_SeveralStops_EarliestWinsAndIsKeptOnRequest(bool include, string expected)
    {
        var scanner = new StopScanner(["c", "b"], include);

        Assert.Equal(expected, scanner.Push("abc"));
        Assert.Equal("b", scanner.Found);
    }

    [Fact]
    public void Push_AnySplit_GivesTheSameText()
    {
        const string Text = "xxabababcyy";
        for (var first = 1; first < Text.Length; first++)
        {
            var scanner = new StopScanner(["ababc"], false);
            var sent = scanner.Push(Text[..first]);
            sent += scanner.Found is null ? scanner.Push(Text[first..]) : "";

            Assert.Equal("xxab", sent);
        }
    }
}
