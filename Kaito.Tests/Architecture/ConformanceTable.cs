using System.Globalization;
using System.Text.RegularExpressions;

namespace Kaito.Tests.Architecture;

/// <summary>The rows of a page that says which behaviour of upstream is held by which test.</summary>
internal static partial class ConformanceTable
{
    /// <summary>Each row's cells; those of text before the first bar come first, so 1 is the row's name.</summary>
    /// <param name="page">File below docs/.</param>
    public static string[][] Read(string page) =>
    [
        .. File.ReadLines(Repository.Path("docs", page)).Where(static line => Row().IsMatch(line))
            .Select(static line => line.Split('|', StringSplitOptions.TrimEntries)),
    ];

    /// <summary>C-1, C-3–C-5 is 1, 3, 4 and 5; so is 1, 3–5.</summary>
    public static IEnumerable<int> Numbers(string rows) => rows.Split(", ").SelectMany(static part =>
    {
        var ends = part.Split('–').Select(static end => int.Parse(
            end.AsSpan(end.IndexOf('-', StringComparison.Ordinal) + 1), CultureInfo.InvariantCulture)).ToArray();
        return Enumerable.Range(ends[0], ends[^1] - ends[0] + 1);
    });

    [GeneratedRegex(@"^\| ([A-Z]-)?\d")]
    private static partial Regex Row();
}
