using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Kaito.DevCluster.Tables;

/// <summary>
/// The JSONPath of printer columns and scale paths: <c>.a.b</c>, <c>.a['b.c']</c>, <c>.a\.b</c>, <c>[0]</c>, <c>[*]</c>
/// and <c>[?(@.type=="Ready")]</c>.
/// </summary>
internal static class JsonPath
{
    /// <summary>Every value at the path; empty when there is none or the path is malformed.</summary>
    public static ImmutableArray<JsonNode> Find(JsonNode root, string path)
    {
        IEnumerable<JsonNode> found = [root];
        foreach (var step in Steps(path))
        {
            found = found.SelectMany(node => Follow(node, step));
        }

        return [.. found];
    }

    public static JsonNode? First(JsonNode root, string path) => Find(root, path).FirstOrDefault();

    /// <summary>Sets a plain path such as <c>.spec.replicas</c>, making the objects on the way.</summary>
    public static void Set(JsonObject root, string path, JsonNode value)
    {
        var steps = Steps(path);
        var at = root;
        foreach (var step in steps[..^1])
        {
            if (at[step] is not JsonObject next)
            {
                at[step] = next = [];
            }

            at = next;
        }

        at[steps[^1]] = value;
    }

    private static IEnumerable<JsonNode> Follow(JsonNode node, string step)
    {
        if (!step.StartsWith('['))
        {
            return node is JsonObject map && map[step] is { } child ? [child] : [];
        }

        if (node is not JsonArray list)
        {
            return [];
        }

        var inside = step[1..];
        if (inside == "*")
        {
            return list.Where(static item => item is not null)!;
        }

        if (inside.StartsWith('?'))
        {
            return list.Where(item => item is not null && Holds(item, inside))!;
        }

        return At(list, inside) is { } chosen ? [chosen] : [];
    }

    private static JsonNode? At(JsonArray list, string index)
    {
        if (!int.TryParse(index, CultureInfo.InvariantCulture, out var at))
        {
            return null;
        }

        at = at < 0 ? at + list.Count : at;
        return at >= 0 && at < list.Count ? list[at] : null;
    }

    private static bool Holds(JsonNode item, string filter)
    {
        var body = filter.TrimStart('?').Trim('(', ')').Trim();
        var at = body.IndexOf("==", StringComparison.Ordinal);
        if (at < 0 || !body.StartsWith('@'))
        {
            return false;
        }

        var wanted = body[(at + 2)..].Trim().Trim('"', '\'');
        return First(item, body[1..at].Trim())?.ToString() == wanted;
    }

    /// <summary>Member names as they are; array steps as "[" and what stood between the brackets.</summary>
    private static List<string> Steps(string path)
    {
        var steps = new List<string>();
        var text = new StringBuilder();
        var at = path.StartsWith('$') ? 1 : 0;
        for (; at < path.Length; at++)
        {
            switch (path[at])
            {
                case '\\' when at + 1 < path.Length:
                    text.Append(path[++at]);
                    break;
                case '.':
                    Flush(steps, text);
                    break;
                case '[':
                    Flush(steps, text);
                    at = Bracket(path, at, steps);
                    break;
                default:
                    text.Append(path[at]);
                    break;
            }
        }

        Flush(steps, text);
        return steps;
    }

    private static int Bracket(string path, int start, List<string> steps)
    {
        var end = path.IndexOf(path.AsSpan(start).StartsWith("[?") ? ")]" : "]", start, StringComparison.Ordinal);
        if (end < 0)
        {
            return path.Length;
        }

        var close = path[end] == ')' ? end + 1 : end;
        var inside = path[(start + 1)..close];
        steps.Add(inside is ['\'' or '"', .., '\'' or '"'] ? inside[1..^1] : "[" + inside);
        return close;
    }

    private static void Flush(List<string> steps, StringBuilder text)
    {
        if (text.Length > 0)
        {
            steps.Add(text.ToString());
            text.Clear();
        }
    }
}
