using System.Text.Json.Nodes;

namespace Kaito.DevCluster.Schemas;

/// <summary>Pruning and defaulting by a structural schema.</summary>
internal static class SchemaShape
{
    private static readonly HashSet<string> s_served = ["apiVersion", "kind", "metadata"];

    /// <summary>Removes members that the schema does not know; returns their paths.</summary>
    public static IReadOnlyList<string> Prune(JsonObject schema, JsonObject value)
    {
        var removed = new List<string>();
        PruneMap(schema, value, "", removed, root: true);
        return removed;
    }

    /// <summary>Fills absent members from the schema's defaults, then looks into what was filled.</summary>
    public static void Default(JsonObject schema, JsonNode? value)
    {
        switch (value)
        {
            case JsonObject map:
                foreach (var (name, child) in schema["properties"] as JsonObject ?? [])
                {
                    DefaultMember(map, name, child as JsonObject ?? []);
                }

                if (schema["additionalProperties"] is JsonObject each)
                {
                    foreach (var (_, child) in map.ToArray())
                    {
                        Default(each, child);
                    }
                }

                break;
            case JsonArray list when schema["items"] is JsonObject items:
                foreach (var item in list)
                {
                    Default(items, item);
                }

                break;
        }
    }

    private static void DefaultMember(JsonObject map, string name, JsonObject schema)
    {
        var missing = !map.TryGetPropertyValue(name, out var present)
            || (present is null && schema["nullable"]?.ToString() != "true");
        if (missing && schema.TryGetPropertyValue("default", out var preset))
        {
            map[name] = preset?.DeepClone();
        }
        else if (missing && present is null && map.ContainsKey(name))
        {
            map.Remove(name);
        }

        Default(schema, map[name]);
    }

    private static void PruneMap(JsonObject schema, JsonObject map, string path, List<string> removed, bool root)
    {
        var keepUnknown = KeepsUnknown(schema);
        var properties = schema["properties"] as JsonObject;
        var each = schema["additionalProperties"];
        var whole = root || schema["x-kubernetes-embedded-resource"]?.ToString() == "true";
        foreach (var (name, child) in map.ToArray())
        {
            if (whole && s_served.Contains(name))
            {
                continue;
            }

            var here = path.Length == 0 ? name : $"{path}.{name}";
            var known = properties?[name] as JsonObject ?? each as JsonObject;
            if (known is not null)
            {
                PruneNode(known, child, here, removed);
            }
            else if (!keepUnknown)
            {
                map.Remove(name);
                removed.Add(here);
            }
        }
    }

    private static bool KeepsUnknown(JsonObject schema) =>
        schema["x-kubernetes-preserve-unknown-fields"]?.ToString() == "true"
        || (schema["additionalProperties"] is JsonValue open && open.ToString() == "true");

    private static void PruneNode(JsonObject schema, JsonNode? value, string path, List<string> removed)
    {
        if (value is JsonObject map)
        {
            PruneMap(schema, map, path, removed, root: false);
        }
        else if (value is JsonArray list && schema["items"] is JsonObject items)
        {
            for (var i = 0; i < list.Count; i++)
            {
                PruneNode(items, list[i], $"{path}[{i}]", removed);
            }
        }
    }
}
