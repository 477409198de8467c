using System.Globalization;
using System.Text.RegularExpressions;

namespace Kaito.DevCluster.Api;

/// <summary>The Warning headers that kubectl prints on stderr.</summary>
internal static partial class ClientWarnings
{
    /// <summary>The first kubectl whose requests are the ones that this server was tested with.</summary>
    private const int OldestMinor = 27;

    private const int Most = 20;

    /// <summary>Adds a warning, at most 20 for an answer.</summary>
    public static void Add(HttpContext http, string message)
    {
        if (http.Response.Headers.Warning.Count < Most)
        {
            // Headers are ASCII; the text is quoted.
            var text = new string([.. message.Select(static c => c is >= ' ' and <= '~' ? c : '?')])
                .Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
            http.Response.Headers.Append("Warning", $"299 - \"{text}\"");
        }
    }

    /// <summary>Warns when the client says that it is a kubectl from before 1.27.</summary>
    public static void AddForOldKubectl(HttpContext http)
    {
        var match = Kubectl().Match(http.Request.Headers.UserAgent.ToString());
        if (match.Success && int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) < OldestMinor)
        {
            Add(http, $"kubectl 1.{match.Groups[1].Value} is too old for the dev cluster, which needs 1.{OldestMinor} or "
                + "newer: some commands may fail; install a newer kubectl");
        }
    }

    // kubectl/v1.20.2 (linux/amd64) kubernetes/faecb19
    [GeneratedRegex(@"^kubectl(?:\.exe)?/v1\.([0-9]{1,4})\b")]
    private static partial Regex Kubectl();
}
