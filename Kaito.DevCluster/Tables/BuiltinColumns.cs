using System.Globalization;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Tables;

/// <summary>The columns of built-in kinds after the name.</summary>
internal static class BuiltinColumns
{
    private static readonly Column s_age = new("Age", "string", static (value, now) => Cells.Age(
        value["metadata"]?["creationTimestamp"], now));

    private static readonly Dictionary<string, Column[]> s_columns = new(StringComparer.Ordinal)
    {
        ["pods"] =
        [
            Text("Ready", PodCells.Ready),
            Text("Status", PodCells.Phase),
            new("Restarts", "string", static (value, _) => PodCells.Restarts(value)),
            s_age,
            Wide("IP", ".status.podIP"),
            Wide("Node", ".spec.nodeName"),
        ],
        ["services"] =
        [
            Path("Type", ".spec.type"),
            Path("Cluster-IP", ".spec.clusterIP"),
            Text("External-IP", static _ => "<none>"),
            Text("Port(s)", ServicePorts),
            s_age,
            new("Selector", "string", static (value, _) => Pairs(value["spec"]?["selector"])) { Priority = 1 },
        ],
        ["namespaces"] = [Path("Status", ".status.phase"), s_age],
        ["nodes"] =
        [
            Text("Status", NodeStatus),
            Text("Roles", static _ => "<none>"),
            s_age,
            Path("Version", ".status.nodeInfo.kubeletVersion"),
        ],
        ["configmaps"] = [Number("Data", static value => Count(value["data"]) + Count(value["binaryData"])), s_age],
        ["secrets"] = [Path("Type", ".type"), Number("Data", static value => Count(value["data"])), s_age],
        ["serviceaccounts"] = [Number("Secrets", static value => Count(value["secrets"])), s_age],
        ["endpoints"] = [Text("Endpoints", EndpointAddresses), s_age],
        ["events"] =
        [
            new("Last Seen", "string", static (value, now) => Cells.Age(
                value["lastTimestamp"] ?? value["eventTime"] ?? value["metadata"]?["creationTimestamp"], now)),
            Path("Type", ".type"),
            Path("Reason", ".reason"),
            Text("Object", static value => Involved(value["involvedObject"] ?? value["regarding"])),
            Text("Message", static value => (value["message"] ?? value["note"])?.ToString().Trim() ?? ""),
        ],
        ["statefulsets.apps"] =
        [
            Text("Ready", static value => Ratio(value, "readyReplicas")),
            s_age,
            Wide("Containers", ".spec.template.spec.containers[*].name"),
            Wide("Images", ".spec.template.spec.containers[*].image"),
        ],
        ["deployments.apps"] =
        [
            Text("Ready", static value => Ratio(value, "readyReplicas")),
            Number("Up-to-date", static value => Int(value["status"]?["updatedReplicas"])),
            Number("Available", static value => Int(value["status"]?["availableReplicas"])),
            s_age,
            Wide("Containers", ".spec.template.spec.containers[*].name"),
            Wide("Images", ".spec.template.spec.containers[*].image"),
        ],
        ["replicasets.apps"] =
        [
            Number("Desired", static value => Int(value["spec"]?["replicas"])),
            Number("Current", static value => Int(value["status"]?["replicas"])),
            Number("Ready", static value => Int(value["status"]?["readyReplicas"])),
            s_age,
        ],
        ["controllerrevisions.apps"] =
        [
            Text("Controller", static value => value["metadata"]?["ownerReferences"]?[0] is JsonObject owner
                ? $"{owner.String("kind")?.ToLowerInvariant()}/{owner.String("name")}"
                : "<none>"),
            Number("Revision", static value => Int(value["revision"])),
            s_age,
        ],
        ["jobs.batch"] =
        [
            Text("Status", JobStatus),
            Text("Completions", static value =>
                $"{Int(value["status"]?["succeeded"])}/{value["spec"]?["completions"]?.ToString() ?? "1"}"),
            new("Duration", "string", static (value, now) => JobDuration(value, now)),
            s_age,
        ],
        ["leases.coordination.k8s.io"] = [Path("Holder", ".spec.holderIdentity"), s_age],
        ["storageclasses.storage.k8s.io"] = [Path("Provisioner", ".provisioner"), s_age],
        ["persistentvolumeclaims"] =
        [
            Path("Status", ".status.phase"),
            Path("Volume", ".spec.volumeName"),
            Path("Capacity", ".status.capacity.storage"),
            Path("StorageClass", ".spec.storageClassName"),
            s_age,
        ],
        ["customresourcedefinitions.apiextensions.k8s.io"] =
        [
            Path("Created At", ".metadata.creationTimestamp"),
        ],
    };

    public static Column[]? Of(GroupResource resource) => resource == new GroupResource("events.k8s.io", "events")
        ? s_columns["events"]
        : s_columns.GetValueOrDefault(resource.ToString());

    private static Column Path(string name, string path) => new(name, "string", (value, _) => Shown(value, path));

    private static Column Wide(string name, string path) => Path(name, path) with { Priority = 1 };

    private static Column Text(string name, Func<JsonObject, string> cell) => new(name, "string", (value, _) => cell(value));

    private static Column Number(string name, Func<JsonObject, long> cell) => new(name, "integer", (value, _) => cell(value));

    private static string Shown(JsonObject value, string path) =>
        JsonPath.Find(value, path) is { Length: > 0 } found ? string.Join(",", found) : "<none>";

    private static long Count(JsonNode? node) => node switch
    {
        JsonObject map => map.Count,
        JsonArray list => list.Count,
        _ => 0,
    };

    private static long Int(JsonNode? node) => (node as JsonValue)?.AsLong() ?? 0;

    private static string Pairs(JsonNode? map) => map is JsonObject { Count: > 0 } labels
        ? string.Join(",", labels.Select(static label => $"{label.Key}={label.Value}"))
        : "<none>";

    private static string Ratio(JsonObject value, string ready) => string.Create(
        CultureInfo.InvariantCulture, $"{Int(value["status"]?[ready])}/{Int(value["spec"]?["replicas"])}");

    private static string Involved(JsonNode? target) =>
        target is null ? "" : $"{target["kind"]?.ToString().ToLowerInvariant()}/{target["name"]}";

    private static string ServicePorts(JsonObject value) => value["spec"]?["ports"] is JsonArray { Count: > 0 } ports
        ? string.Join(",", ports.Select(static port => $"{port?["port"]}/{port?["protocol"]?.ToString() ?? "TCP"}"))
        : "<none>";

    private static string EndpointAddresses(JsonObject value)
    {
        var found = (value["subsets"] as JsonArray ?? []).OfType<JsonObject>().SelectMany(static subset =>
            (subset["addresses"] as JsonArray ?? []).SelectMany(address =>
                (subset["ports"] as JsonArray ?? []).Select(port => $"{address?["ip"]}:{port?["port"]}")));
        var text = string.Join(",", found);
        return text.Length == 0 ? "<none>" : text;
    }

    private static string NodeStatus(JsonObject value)
    {
        var ready = JsonPath.First(value, ".status.conditions[?(@.type==\"Ready\")].status")?.ToString() switch
        {
            "True" => "Ready",
            "False" => "NotReady",
            _ => "Unknown",
        };
        return value["spec"]?["unschedulable"]?.ToString() == "true" ? ready + ",SchedulingDisabled" : ready;
    }

    private static string JobStatus(JsonObject value)
    {
        if (JsonPath.First(value, ".status.conditions[?(@.type==\"Complete\")].status")?.ToString() == "True")
        {
            return "Complete";
        }

        var failed = JsonPath.First(value, ".status.conditions[?(@.type==\"Failed\")].status")?.ToString() == "True";
        return failed ? "Failed" : value.Deleting ? "Terminating" : "Running";
    }

    private static string JobDuration(JsonObject value, DateTimeOffset now)
    {
        if (!DateTimeOffset.TryParse(value["status"]?["startTime"]?.ToString(), CultureInfo.InvariantCulture, out var start))
        {
            return "";
        }

        var end = DateTimeOffset.TryParse(
            value["status"]?["completionTime"]?.ToString(), CultureInfo.InvariantCulture, out var done) ? done : now;
        return Cells.Duration(end - start);
    }
}
