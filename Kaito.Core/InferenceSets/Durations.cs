using System.Globalization;
using System.Text.RegularExpressions;

namespace Kaito.Core.InferenceSets;

/// <summary>Durations as Kubernetes writes them: numbers with units, e.g. <c>4h</c>, <c>1h30m</c> or <c>1.5h</c>.</summary>
internal static partial class Durations
{
    private static readonly TimeSpan s_most = TimeSpan.FromDays(3650);

    /// <summary>Reads a duration of at most ten years in either direction.</summary>
    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = default;
        var match = Whole().Match(text);
        if (!match.Success)
        {
            return text == "0";
        }

        var total = 0.0;
        for (var i = 0; i < match.Groups["number"].Captures.Count; i++)
        {
            total += double.Parse(match.Groups["number"].Captures[i].ValueSpan, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture)
                * Seconds(match.Groups["unit"].Captures[i].Value);
        }

        if (total > s_most.TotalSeconds)
        {
            return false;
        }

        duration = TimeSpan.FromSeconds(text[0] == '-' ? -total : total);
        return true;
    }

    private static double Seconds(string unit) => unit switch
    {
        "h" => 3600,
        "m" => 60,
        "s" => 1,
        "ms" => 1e-3,
        "ns" => 1e-9,
        _ => 1e-6,
    };

    [GeneratedRegex("^[+-]?(?:(?<number>[0-9]+(?:\\.[0-9]*)?|\\.[0-9]+)(?<unit>ns|us|µs|ms|s|m|h))+\\z", RegexOptions.CultureInvariant)]
    private static partial Regex Whole();
}
