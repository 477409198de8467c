using System.Globalization;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Controllers;

/// <summary>Writes v1 Events; a repetition of the last 512 raises the count of the first instead.</summary>
internal sealed class EventRecorder(IClusterStore store, TimeProvider clock)
{
    private const int Remembered = 512;
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Uid, string Reason, string Message), ObjectKey> _recent = [];
    private long _serial;

    /// <summary>Records that something ordinary happened to the object.</summary>
    public void Normal(JsonObject about, string reason, string message, string component, string? fieldPath = null) =>
        Record(about, ("Normal", reason, message), component, fieldPath);

    /// <summary>Records that something needs attention.</summary>
    public void Warning(JsonObject about, string reason, string message, string component, string? fieldPath = null) =>
        Record(about, ("Warning", reason, message), component, fieldPath);

    /// <summary>Records a refused creation, of which nothing else tells, and lets it go on.</summary>
    public JsonObject Reporting(JsonObject about, string what, string component, Func<JsonObject> create)
    {
        try
        {
            return create();
        }
        catch (ApiStatusException refused) when (refused.Status.Code is not (404 or 409))
        {
            Warning(about, "FailedCreate", what + refused.Status.Message, component);
            throw;
        }
    }

    private void Record(
        JsonObject about, (string Type, string Reason, string Message) what, string component, string? fieldPath)
    {
        var now = Fields.Stamp(clock.GetUtcNow());
        lock (_gate)
        {
            try
            {
                if (_recent.TryGetValue((about.Uid, what.Reason, what.Message), out var known)
                    && store.Modify(known, item => CountUp(item, now)) is not null)
                {
                    return;
                }

                var created = Render(about, what, component, now);
                if (fieldPath is not null)
                {
                    created.Child("involvedObject")["fieldPath"] = fieldPath;
                }

                store.Create(Resources.Events, created.Namespace, created);
                if (_recent.Count >= Remembered)
                {
                    _recent.Clear();
                }

                _recent[(about.Uid, what.Reason, what.Message)] = Resources.Events.KeyOf(created);
            }
            catch (ApiStatusException)
            {
                // The namespace is going away; an event is no reason to fail.
            }
        }
    }

    private static void CountUp(JsonObject item, string now)
    {
        item["count"] = (item.Number("count") ?? 1) + 1;
        item["lastTimestamp"] = now;
    }

    private JsonObject Render(
        JsonObject about, (string Type, string Reason, string Message) what, string component, string now)
    {
        var ns = about.Namespace.Length == 0 ? "default" : about.Namespace;
        var serial = clock.GetUtcNow().Ticks + _serial++;
        var involved = new JsonObject
        {
            ["apiVersion"] = about.Text("apiVersion"),
            ["kind"] = about.Text("kind"),
            ["name"] = about.Name,
            ["uid"] = about.Uid,
        };
        if (about.Namespace.Length > 0)
        {
            involved["namespace"] = about.Namespace;
        }

        return new()
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Event",
            ["metadata"] = new JsonObject
            {
                ["name"] = $"{about.Name}.{serial.ToString("x16", CultureInfo.InvariantCulture)}",
                ["namespace"] = ns,
            },
            ["involvedObject"] = involved,
            ["type"] = what.Type,
            ["reason"] = what.Reason,
            ["message"] = what.Message,
            ["source"] = new JsonObject { ["component"] = component },
            ["reportingComponent"] = component,
            ["reportingInstance"] = "",
            ["firstTimestamp"] = now,
            ["lastTimestamp"] = now,
            ["count"] = 1,
        };
    }
}
