namespace Kaito.Tests.Architecture;

/// <summary>No row of the protocol's checklists is forgotten, and each is held by tests or says why not.</summary>
public sealed class ConformancePageTests
{
    private static readonly string[][] s_rows = ConformanceTable.Read("conformance.md");

    [Fact]
    public void Rows_OfTheChecklist_AreAllThere() => Assert.Equal(
        Enumerable.Range(1, 11).Select(static row => $"B-{row}"),
        s_rows.Select(static row => row[1]).Where(static row => row.StartsWith('B')));

    [Fact]
    public void Rows_OfUpstreamsTests_AreEachThereOnce() => Assert.Equal(
        Enumerable.Range(1, 93),
        s_rows.Select(static row => row[1]).Where(static row => char.IsAsciiDigit(row[0])).SelectMany(ConformanceTable.Numbers).Order());

    [Fact]
    public void Row_WithoutATest_SaysWhy() => Assert.All(s_rows, static row => Assert.True(
        row[3].Contains("Tests", StringComparison.Ordinal)
            || row[3].StartsWith("Does not apply: ", StringComparison.Ordinal)
            || row[3].StartsWith("Not of this program: ", StringComparison.Ordinal),
        row[1]));
}
