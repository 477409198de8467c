using System.Globalization;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Tables;

/// <summary>The cells of a pod's row.</summary>
internal static class PodCells
{
    public static string Ready(JsonObject pod)
    {
        var total = (pod["spec"]?["containers"] as JsonArray)?.Count ?? 0;
        var ready = Statuses(pod).Count(static status => status["ready"]?.ToString() == "true");
        return string.Create(CultureInfo.InvariantCulture, $"{ready}/{total}");
    }

    /// <summary>The phase, or the reason that says more: CrashLoopBackOff, Completed, Terminating.</summary>
    public static string Phase(JsonObject pod)
    {
        if (pod.Deleting)
        {
            return "Terminating";
        }

        var status = pod["status"] as JsonObject ?? [];
        return Statuses(pod).Select(Reason).LastOrDefault(static reason => reason is not null)
            ?? status.String("reason") ?? status.String("phase") ?? "Pending";
    }

    private static string? Reason(JsonObject container)
    {
        var state = container["state"] as JsonObject ?? [];
        return (state["waiting"] as JsonObject ?? state["terminated"] as JsonObject)?.String("reason");
    }

    public static JsonNode Restarts(JsonObject pod) => Statuses(pod)
        .Sum(static status => (status["restartCount"] as JsonValue)?.AsLong() ?? 0)
        .ToString(CultureInfo.InvariantCulture);

    private static IEnumerable<JsonObject> Statuses(JsonObject pod) =>
        (pod["status"]?["containerStatuses"] as JsonArray ?? []).OfType<JsonObject>();
}
