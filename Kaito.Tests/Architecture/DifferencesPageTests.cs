using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;

namespace Kaito.Tests.Architecture;

/// <summary>The documentation names the tests that prove it: they exist.</summary>
public sealed partial class DifferencesPageTests
{
    private const BindingFlags AnyMethod =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static;

    private static readonly ILookup<string, Type> s_types =
        typeof(DifferencesPageTests).Assembly.GetTypes().ToLookup(static t => t.Name);

    public static TheoryData<string> Pages() =>
    [
        .. Directory.EnumerateFiles(Repository.Path("docs"), "*.md").Select(static page => Path.GetFileName(page)!)
            .Order(StringComparer.Ordinal),
    ];

    [Fact]
    public void Differences_EveryWeaknessOfUpstream_HasARow()
    {
        var rows = File.ReadLines(Repository.Path("docs", "upstream-differences.md"))
            .Where(static line => line.StartsWith("| W-", StringComparison.Ordinal))
            .SelectMany(static line => Weakness().Matches(line.Split('|')[1]).Select(static m => m.Value)).ToHashSet();

        Assert.Empty(Enumerable.Range(1, 60)
            .Select(static i => string.Create(CultureInfo.InvariantCulture, $"W-{i:00}")).Except(rows));
    }

    [Fact]
    public void Differences_RowThatSaysFixed_NamesItsProof() => Assert.DoesNotContain(
        File.ReadLines(Repository.Path("docs", "upstream-differences.md")),
        static line => line.StartsWith("| W-", StringComparison.Ordinal)
            && line.Contains("| Fixed", StringComparison.Ordinal) && !Test().IsMatch(line));

    [Theory]
    [MemberData(nameof(Pages))]
    public void Page_TestItNames_Exists(string page) => Assert.Empty(
        Test().Matches(File.ReadAllText(Repository.Path("docs", page)))
            .Where(static m => !Exists(m.Groups["type"].Value, m.Groups["method"].Value)).Select(static m => m.Value));

    // The method may be cut off with an ellipsis.
    private static bool Exists(string type, string method) => s_types[type].Any(found => method.Length == 0
        || found.GetMethods(AnyMethod).Any(m => m.Name.StartsWith(method, StringComparison.Ordinal)));

    [GeneratedRegex("W-[0-9]{2}")]
    private static partial Regex Weakness();

    [GeneratedRegex(@"`(?<type>[A-Za-z]+(?:Tests|Scenario))(?:\.(?<method>[A-Za-z_0-9]*)…?)?`")]
    private static partial Regex Test();
}
