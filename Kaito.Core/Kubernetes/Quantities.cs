using System.Text.Json;
using System.Text.Json.Nodes;

namespace Kaito.Core.Kubernetes;

/// <summary>Amounts in what users write of pods and volumes.</summary>
public static class Quantities
{
    private static readonly string[] s_maps = ["limits", "requests", "overhead"];
    private static readonly string[] s_amounts = ["sizeLimit", "divisor"];

    /// <summary>
    /// Writes amounts that are numbers (<c>nvidia.com/gpu: 1</c>) as the text that they stand for: API servers take both
    /// from users, and older ones only the text in a server-side apply.
    /// </summary>
    /// <param name="node">JSON of a pod, a volume, or a part of one; changed in place.</param>
    public static void AsText(JsonNode? node)
    {
        foreach (var item in node as JsonArray ?? [])
        {
            AsText(item);
        }

        foreach (var (name, value) in (node as JsonObject ?? []).ToArray())
        {
            if (s_amounts.Contains(name))
            {
                Replace(node!.AsObject(), name);
            }
            else if (s_maps.Contains(name) && value is JsonObject amounts)
            {
                foreach (var key in amounts.Select(static a => a.Key).ToArray())
                {
                    Replace(amounts, key);
                }
            }
            else
            {
                AsText(value);
            }
        }
    }

    private static void Replace(JsonObject owner, string name)
    {
        if (owner[name] is JsonValue value && value.GetValueKind() == JsonValueKind.Number)
        {
            owner[name] = value.ToJsonString();
        }
    }
}
