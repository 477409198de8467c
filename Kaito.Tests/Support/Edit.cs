using System.Text.Json.Nodes;

namespace Kaito.Tests.Support;

/// <summary>Manifests of test rows: a valid one, and what a row changes in it.</summary>
internal static class Edit
{
    /// <summary>Sets members by path, e.g. <c>resource.count=2 | tuning=</c>; an empty value removes the member.</summary>
    public static string Apply(string json, string changes)
    {
        var root = JsonNode.Parse(json)!;
        foreach (var change in changes.Split(" | ", StringSplitOptions.RemoveEmptyEntries))
        {
            var at = change.IndexOf('=', StringComparison.Ordinal);
            Set(root, Steps(change[..at]), change[(at + 1)..]);
        }

        return root.ToJsonString();
    }

    private static void Set(JsonNode root, string[] steps, string value)
    {
        var owner = root;
        foreach (var step in steps[..^1])
        {
            owner = owner![step] ??= new JsonObject();
        }

        if (value.Length == 0)
        {
            owner!.AsObject().Remove(steps[^1]);
        }
        else
        {
            owner![steps[^1]] = JsonNode.Parse(value);
        }
    }

    // An annotation's key has dots of its own: metadata.annotations.kaito.sh/runtime.
    private static string[] Steps(string path)
    {
        const string Annotations = "metadata.annotations.";
        return path.StartsWith(Annotations, StringComparison.Ordinal)
            ? ["metadata", "annotations", path[Annotations.Length..]]
            : path.Split('.');
    }
}
