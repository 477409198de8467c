using System.Globalization;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Schemas;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Apply;

/// <summary>RFC 6902 JSON Patch and RFC 7386 JSON Merge Patch.</summary>
internal static class JsonPatches
{
    private const int LimitOperations = 10_000;
    private const int LimitNodes = 500_000;
    private const int LimitDepth = 100;

    /// <summary>Applies the operations in order to a copy; a failing one is a 422 that names it.</summary>
    public static JsonObject Apply(JsonObject target, JsonArray operations)
    {
        if (operations.Count > LimitOperations)
        {
            throw ApiStatusException.BadRequest(
                $"the JSON patch has {operations.Count} operations; at most {LimitOperations} are taken");
        }

        var root = target.DeepClone();
        for (var i = 0; i < operations.Count; i++)
        {
            if (operations[i] is not JsonObject operation)
            {
                throw ApiStatusException.BadRequest($"JSON patch operation {i} is not an object");
            }

            root = Run(root, operation);
            if (operation.String("op") is "copy" or "move" or "add")
            {
                RequireSmall(root, operation);
            }
        }

        return root as JsonObject ?? throw Refused(
            new JsonObject { ["op"] = "replace" }, "the result is not an object");
    }

    // Each copy may double the object.
    private static void RequireSmall(JsonNode? root, JsonObject operation)
    {
        var left = LimitNodes;
        if (ObjectShape.IsDeep(root, LimitDepth) || Exceeds(root, ref left))
        {
            throw Refused(operation, $"the result has more than {LimitDepth} levels or {LimitNodes} members and items");
        }
    }

    private static bool Exceeds(JsonNode? node, ref int left)
    {
        left--;
        foreach (var child in node switch
        {
            JsonObject map => map.Select(static member => member.Value),
            JsonArray list => list,
            _ => Enumerable.Empty<JsonNode?>(),
        })
        {
            if (left < 0 || Exceeds(child, ref left))
            {
                return true;
            }
        }

        return left < 0;
    }

    /// <summary>Merges a copy of the patch into a copy of the target; null removes.</summary>
    public static JsonObject Merge(JsonObject target, JsonObject patch) => (JsonObject)MergeNode(target, patch)!;

    private static JsonNode? MergeNode(JsonNode? target, JsonNode? patch)
    {
        if (patch is not JsonObject changes)
        {
            return patch?.DeepClone();
        }

        var result = target is JsonObject map ? map.Copy() : [];
        foreach (var (name, value) in changes)
        {
            if (value is null)
            {
                result.Remove(name);
            }
            else
            {
                result[name] = MergeNode(result[name], value);
            }
        }

        return result;
    }

    private static JsonNode? Run(JsonNode? root, JsonObject operation)
    {
        var path = operation.String("path") ?? throw Refused(operation, "it has no path");
        switch (operation.String("op"))
        {
            case "add":
                return Put(root, path, operation["value"], operation, insert: true);
            case "replace":
                _ = Read(root, path, operation);
                return Put(root, path, operation["value"], operation, insert: false);
            case "remove":
                return Remove(root, path, operation);
            case "copy":
                return Put(root, path, Read(root, From(operation), operation), operation, insert: true);
            case "move":
                var moved = Read(root, From(operation), operation)?.DeepClone();
                return Put(Remove(root, From(operation), operation), path, moved, operation, insert: true);
            case "test":
                return JsonNode.DeepEquals(Read(root, path, operation), operation["value"])
                    ? root
                    : throw Refused(operation, "the value differs");
            default:
                throw Refused(operation, "op must be add, remove, replace, move, copy or test");
        }
    }

    private static string From(JsonObject operation) =>
        operation.String("from") ?? throw Refused(operation, "it has no from");

    private static JsonNode? Put(JsonNode? root, string path, JsonNode? value, JsonObject operation, bool insert)
    {
        if (path.Length == 0)
        {
            return value?.DeepClone();
        }

        var (parent, last) = Parent(root, path, operation);
        var copy = value?.DeepClone();
        switch (parent)
        {
            case JsonObject map:
                map[last] = copy;
                return root;
            case JsonArray list when PutItem(list, last, copy, insert):
                return root;
            default:
                throw Refused(operation, "the path does not exist");
        }
    }

    private static bool PutItem(JsonArray list, string step, JsonNode? value, bool insert)
    {
        var at = step == "-" ? list.Count : Index(step, insert ? list.Count + 1 : list.Count);
        if (at is null || (at == list.Count && !insert))
        {
            return false;
        }

        if (insert)
        {
            list.Insert(at.Value, value);
        }
        else
        {
            list[at.Value] = value;
        }

        return true;
    }

    private static JsonNode? Remove(JsonNode? root, string path, JsonObject operation)
    {
        var (parent, last) = Parent(root, path, operation);
        switch (parent)
        {
            case JsonObject map when map.Remove(last):
                return root;
            case JsonArray list when Index(last, list.Count) is { } at:
                list.RemoveAt(at);
                return root;
            default:
                throw Refused(operation, "the path does not exist");
        }
    }

    private static JsonNode? Read(JsonNode? root, string path, JsonObject operation)
    {
        if (path.Length == 0)
        {
            return root;
        }

        var (parent, last) = Parent(root, path, operation);
        return parent switch
        {
            JsonObject map when map.ContainsKey(last) => map[last],
            JsonArray list when Index(last, list.Count) is { } at => list[at],
            _ => throw Refused(operation, "the path does not exist"),
        };
    }

    private static (JsonNode? Parent, string Last) Parent(JsonNode? root, string path, JsonObject operation)
    {
        if (!path.StartsWith('/'))
        {
            throw Refused(operation, "the path must start with /");
        }

        var steps = path[1..].Split('/').Select(static step =>
            step.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal)).ToArray();
        var at = root;
        foreach (var step in steps[..^1])
        {
            at = at switch
            {
                JsonObject map => map[step],
                JsonArray list when Index(step, list.Count) is { } index => list[index],
                _ => null,
            };
        }

        return (at, steps[^1]);
    }

    private static int? Index(string step, int count) =>
        int.TryParse(step, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < count ? index : null;

    private static ApiStatusException Refused(JsonObject operation, string why) => new(new(
        422, "Invalid", $"the server rejected our request due to an error in our request: JSON patch operation "
        + $"{operation.ToJsonString()}: {why}"));
}
