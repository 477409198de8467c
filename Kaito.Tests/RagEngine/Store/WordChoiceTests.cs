using Kaito.RagEngine.Store.Embedded;

namespace Kaito.Tests.RagEngine.Store;

public sealed class WordChoiceTests
{
    [Theory]
    [InlineData("the:90000,cat:4000,sat:1500,mat:10", "\"mat\" OR \"sat\" OR \"cat\"")]
    [InlineData("the:90000,cat:5000,sat:1500", "\"sat\"")]
    [InlineData("cat:6000", "\"cat\"")]
    [InlineData("the:90000,of:80000,and:70000,in:20000", "\"in\" AND \"and\" AND \"of\" AND \"the\"")]
    [InlineData("the:90000,of:20000,and:20000", "\"and\" AND \"of\"")]
    [InlineData("the:90000", "\"the\"")]
    [InlineData("", "")]
    public void Expression_OfAHundredThousandRows_ScoresFew(string words, string expected) => Assert.Equal(
        expected,
        WordChoice.Expression(
            [.. words.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(static w => w.Split(':'))
                .Select(static w => (w[0], long.Parse(w[1], System.Globalization.CultureInfo.InvariantCulture)))],
            WordChoice.MostRows, 100_000));
}
