using System.Collections.Immutable;

namespace Kaito.Core;

/// <summary>Which known names a user may have meant by an unknown one.</summary>
public static class NearestNames
{
    private const int MaxNames = 3;

    /// <summary>
    /// At most three of <paramref name="known"/>, the nearest first, by edit distance with upper and lower case the
    /// same; empty when nothing is near. A repository is also compared by its last part.
    /// </summary>
    public static ImmutableArray<string> Of(string name, IEnumerable<string> known)
    {
        var wanted = name.Trim().ToLowerInvariant();
        var limit = Math.Max(2, wanted.Length / 3);
        return
        [
            .. known
                .Select(candidate => (Name: candidate, Distance: Distance(wanted, candidate.ToLowerInvariant())))
                .Where(pair => pair.Distance <= limit)
                .OrderBy(static pair => pair.Distance)
                .ThenBy(static pair => pair.Name.Length)
                .ThenBy(static pair => pair.Name, StringComparer.Ordinal)
                .Take(MaxNames)
                .Select(static pair => pair.Name),
        ];
    }

    /// <summary>A sentence such as <c>Did you mean phi-4?</c>, or the empty text.</summary>
    public static string Question(ImmutableArray<string> names) =>
        names.IsDefaultOrEmpty ? "" : $" Did you mean {string.Join(" or ", names)}?";

    private static int Distance(string wanted, string candidate)
    {
        var whole = EditDistance(wanted, candidate);
        var slash = candidate.LastIndexOf('/');
        return slash < 0 || wanted.Contains('/')
            ? whole
            : Math.Min(whole, EditDistance(wanted, candidate[(slash + 1)..]));
    }

    private static int EditDistance(string a, string b)
    {
        // One row of the classic table: row[j] is the distance between the read part of a and the first j of b.
        var row = new int[b.Length + 1];
        for (var j = 0; j <= b.Length; j++)
        {
            row[j] = j;
        }

        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substituted, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[b.Length];
    }
}
