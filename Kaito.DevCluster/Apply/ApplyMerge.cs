using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Apply;

/// <summary>Puts an applied manifest onto the live object, and takes away what its manager no longer names.</summary>
internal static class ApplyMerge
{
    public static JsonObject Merge(JsonObject live, JsonObject applied, FieldCursor at)
    {
        var result = live.Copy();
        foreach (var (name, value) in applied)
        {
            result[name] = value switch
            {
                JsonObject map when !at.AtomicMap(name) && result[name] is JsonObject mine =>
                    Merge(mine, map, at.Child(name)),
                JsonArray list when result[name] is JsonArray mine =>
                    MergeList(mine, list, at.ListAt(name), at.Child(name).Item()),
                _ => value?.DeepClone(),
            };
        }

        return result;
    }

    /// <summary>Removes the fields of the set, deepest first; objects that become empty go too.</summary>
    public static void Remove(JsonObject target, JsonObject set, FieldCursor at)
    {
        foreach (var (step, child) in set)
        {
            var name = step.StartsWith("f:", StringComparison.Ordinal) ? step[2..] : "";
            var below = (JsonObject)child!;
            if (name.Length == 0 || target[name] is not { } value)
            {
                continue;
            }

            if (below.Count == 0)
            {
                target.Remove(name);
            }
            else if (value is JsonObject map)
            {
                Remove(map, below, at.Child(name));
                if (map.Count == 0)
                {
                    target.Remove(name);
                }
            }
            else if (value is JsonArray list)
            {
                RemoveItems(list, below, at.ListAt(name), at.Child(name).Item());
                if (list.Count == 0)
                {
                    target.Remove(name);
                }
            }
        }
    }

    private static JsonArray MergeList(JsonArray live, JsonArray applied, ListKind kind, FieldCursor item)
    {
        if (kind is ListKind.Atomic)
        {
            return (JsonArray)applied.DeepClone();
        }

        var wanted = ByKey(applied, kind);
        var present = ByKey(live, kind);
        var result = new JsonArray();

        // Applied items in their order, then what others added.
        foreach (var (key, value) in wanted)
        {
            var merged = value is JsonObject change && present.GetValueOrDefault(key) is JsonObject mine
                ? Merge(mine, change, item)
                : value?.DeepClone();
            result.Add(merged);
        }

        foreach (var (key, value) in present)
        {
            if (!wanted.ContainsKey(key))
            {
                result.Add(value?.DeepClone());
            }
        }

        return result;
    }

    /// <summary>The last of items with the same key wins.</summary>
    private static Dictionary<string, JsonNode?> ByKey(JsonArray list, ListKind kind)
    {
        var result = new Dictionary<string, JsonNode?>(StringComparer.Ordinal);
        foreach (var element in list)
        {
            result[FieldSets.KeyOf(element, kind)] = element;
        }

        return result;
    }

    private static void RemoveItems(JsonArray list, JsonObject set, ListKind kind, FieldCursor item)
    {
        foreach (var element in list.ToArray())
        {
            if (set[FieldSets.KeyOf(element, kind)] is not JsonObject fields)
            {
                continue;
            }

            if (fields.Count == 0 || fields.ContainsKey(FieldSets.Self) || element is not JsonObject map)
            {
                list.Remove(element);
            }
            else
            {
                Remove(map, fields, item);
            }
        }
    }
}
