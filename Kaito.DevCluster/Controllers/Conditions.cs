using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Controllers;

/// <summary>One entry of <c>status.conditions</c>; the status is <c>True</c>, <c>False</c> or <c>Unknown</c>.</summary>
internal readonly record struct Condition(string Type, string Status, string Reason = "", string Message = "");

/// <summary>Reads and merges <c>status.conditions</c>.</summary>
internal static class Conditions
{
    /// <summary>The condition of the type in the object's status, or null.</summary>
    public static JsonObject? Find(JsonObject item, string type) =>
        item.Objects("status", "conditions").FirstOrDefault(c => c.Text("type") == type);

    /// <summary>Whether the condition of the type is True.</summary>
    public static bool IsTrue(JsonObject item, string type) => Find(item, type).Text("status") == "True";

    /// <summary>
    /// The object's conditions with the given ones set; <c>lastTransitionTime</c> moves only when a status does.
    /// </summary>
    public static JsonArray Merge(JsonObject item, DateTimeOffset now, params IEnumerable<Condition> wanted)
    {
        var merged = item.Objects("status", "conditions").Select(static c => c.Copy()).ToList();
        foreach (var condition in wanted)
        {
            var at = merged.FindIndex(c => c.Text("type") == condition.Type);
            var since = at >= 0 && merged[at].Text("status") == condition.Status
                ? merged[at].Text("lastTransitionTime")
                : null;
            var entry = Render(condition, since ?? Fields.Stamp(now));
            if (at >= 0)
            {
                merged[at] = entry;
            }
            else
            {
                merged.Add(entry);
            }
        }

        return Fields.ListOf(merged);
    }

    private static JsonObject Render(Condition condition, string since)
    {
        var entry = new JsonObject
        {
            ["type"] = condition.Type,
            ["status"] = condition.Status,
            ["lastTransitionTime"] = since,
        };
        if (condition.Reason.Length > 0)
        {
            entry["reason"] = condition.Reason;
        }

        if (condition.Message.Length > 0)
        {
            entry["message"] = condition.Message;
        }

        return entry;
    }
}
