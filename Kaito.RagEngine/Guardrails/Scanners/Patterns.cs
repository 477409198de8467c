using System.Text.RegularExpressions;

namespace Kaito.RagEngine.Guardrails.Scanners;

/// <summary>Patterns that people wrote for Python, with a bound on the time that they may take.</summary>
internal static partial class Patterns
{
    /// <summary>Per scan of one answer.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    /// <param name="pattern">In Python's syntax.</param>
    /// <param name="whole">True if it must match from end to end.</param>
    /// <exception cref="ArgumentException">It is not a pattern.</exception>
    public static Regex Compile(string pattern, bool whole)
    {
        // Python's names of groups and its end of text; all else that both know is written alike.
        var ours = EndOfText().Replace(NamedGroup().Replace(pattern, "(?$1<$2>"), @"$1\z");
        ours = BackReference().Replace(ours, @"\k<$1>");
        if (whole)
        {
            ours = $@"\A(?:{ours})\z";
        }

        try
        {
            // Linear time, where the pattern has nothing that needs backtracking.
            return new(ours, RegexOptions.CultureInvariant | RegexOptions.NonBacktracking, Limit);
        }
        catch (NotSupportedException)
        {
            return new(ours, RegexOptions.CultureInvariant, Limit);
        }
    }

    [GeneratedRegex(@"\(\?P()<([A-Za-z_]\w*)>", RegexOptions.None, 10_000)]
    private static partial Regex NamedGroup();

    [GeneratedRegex(@"\(\?P=([A-Za-z_]\w*)\)", RegexOptions.None, 10_000)]
    private static partial Regex BackReference();

    [GeneratedRegex(@"(?<!\\)((?:\\\\)*)\\Z", RegexOptions.None, 10_000)]
    private static partial Regex EndOfText();
}
