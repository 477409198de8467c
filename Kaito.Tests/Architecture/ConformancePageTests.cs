using System.Globalization;
using System.Text.RegularExpressions;

namespace Kaito.Tests.Architecture;

/// <summary>No row of the protocol's checklists is forgotten, and each is held by tests or says why not.</summary>
public sealed partial class ConformancePageTests
{
    private static readonly string[][] s_rows =
    [
        .. File.ReadLines(Repository.Path("docs", "conformance.md"))
            .Where(static line => Row().IsMatch(line)).Select(static line => line.Split('|', StringSplitOptions.TrimEntries)),
    ];

    [Fact]
    public void Rows_OfTheChecklist_AreAllThere() => Assert.Equal(
        Enumerable.Range(1, 11).Select(static row => $"B-{row}"),
        s_rows.Select(static row => row[1]).Where(static row => row.StartsWith('B')));

    [Fact]
    public void Rows_OfUpstreamsTests_AreEachThereOnce() => Assert.Equal(
        Enumerable.Range(1, 93),
        s_rows.Select(static row => row[1]).Where(static row => char.IsAsciiDigit(row[0])).SelectMany(Numbers).Order());

    [Fact]
    public void Row_WithoutATest_SaysWhy() => Assert.All(s_rows, static row => Assert.True(
        row[3].Contains("Tests", StringComparison.Ordinal)
            || row[3].StartsWith("Does not apply: ", StringComparison.Ordinal)
            || row[3].StartsWith("Not of this program: ", StringComparison.Ordinal),
        row[1]));

    // 1, 3–5 is 1, 3, 4 and 5.
    private static IEnumerable<int> Numbers(string rows) => rows.Split(", ").SelectMany(static part =>
    {
        var ends = part.Split('–').Select(static end => int.Parse(end, CultureInfo.InvariantCulture)).ToArray();
        return Enumerable.Range(ends[0], ends[^1] - ends[0] + 1);
    });

    [GeneratedRegex(@"^\| (B-)?\d")]
    private static partial Regex Row();
}
