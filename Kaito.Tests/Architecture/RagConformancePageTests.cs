using System.Text.RegularExpressions;

namespace Kaito.Tests.Architecture;

/// <summary>No behaviour that upstream's retrieval tests pin is forgotten; each is held by tests or says why not.</summary>
public sealed partial class RagConformancePageTests
{
    private static readonly string[][] s_rows = ConformanceTable.Read("rag-conformance.md");

    [Theory]
    [InlineData('M', 9)]
    [InlineData('C', 31)]
    [InlineData('N', 6)]
    [InlineData('R', 1)]
    [InlineData('S', 19)]
    [InlineData('T', 5)]
    [InlineData('G', 30)]
    [InlineData('W', 15)]
    [InlineData('L', 15)]
    [InlineData('O', 9)]
    [InlineData('E', 7)]
    public void Rows_OfUpstreamsTests_AreEachThereOnce(char file, int count) => Assert.Equal(
        Enumerable.Range(1, count),
        s_rows.Select(static row => row[1]).Where(row => row[0] == file).SelectMany(ConformanceTable.Numbers).Order());

    [Fact]
    public void Row_WithoutATest_QuotesTheDifference()
    {
        var differences = File.ReadAllText(Repository.Path("docs", "upstream-differences.md"));
        Assert.All(s_rows, row =>
        {
            var quoted = Quoted().Matches(row[3]);
            Assert.True(row[3].Contains("Tests", StringComparison.Ordinal) || quoted.Count > 0, row[1]);
            Assert.Equal(quoted.Count > 0, row[3].Contains("Differs", StringComparison.Ordinal));
            Assert.All(quoted, quote => Assert.Contains($"| {quote.Groups[1].Value}", differences, StringComparison.Ordinal));
        });
    }

    [GeneratedRegex(@"\*([^*]+)\*")]
    private static partial Regex Quoted();
}
