using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Api;

/// <summary>core/v1 and events.k8s.io/v1 Events are one set of objects, stored in the core form.</summary>
internal static class EventForms
{
    private static readonly GroupResource s_events = new("events.k8s.io", "events");

    // events.k8s.io/v1, core/v1
    private static readonly (string Named, string Core)[] s_members =
    [
        ("regarding", "involvedObject"),
        ("note", "message"),
        ("reportingController", "reportingComponent"),
        ("deprecatedSource", "source"),
        ("deprecatedFirstTimestamp", "firstTimestamp"),
        ("deprecatedLastTimestamp", "lastTimestamp"),
        ("deprecatedCount", "count"),
    ];

    /// <summary>Where objects of the resource are kept.</summary>
    public static GroupResource Stored(GroupResource resource) => resource == s_events ? new("", "events") : resource;

    /// <summary>Renames the members of an event of the path's form to those of the stored form.</summary>
    public static void ToStored(ApiPath path, JsonObject value)
    {
        if (path.Type.Resource == s_events)
        {
            Rename(value, s_members);
            value["apiVersion"] = "v1";
        }
    }

    /// <summary>The reverse.</summary>
    public static void ToShown(ApiPath path, JsonObject value)
    {
        if (path.Type.Resource == s_events)
        {
            Rename(value, s_members.Select(static member => (member.Core, member.Named)));
        }
    }

    private static void Rename(JsonObject value, IEnumerable<(string From, string To)> members)
    {
        foreach (var (from, to) in members)
        {
            if (value.Remove(from, out var content))
            {
                value[to] = content;
            }
        }
    }
}
