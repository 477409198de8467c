using System.Globalization;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Nodes;

/// <summary>Renders Node objects: those of claims and the one that stands for this computer.</summary>
internal static class NodeRendering
{
    /// <summary>The node for pods that need no GPU.</summary>
    public const string LocalName = "local";

    private const string InstanceTypeLabel = "node.kubernetes.io/instance-type";
    private const string Region = "local";
    private const string Zone = "local-1";

    /// <summary>The instance type that the claim's requirements ask for; null when they name none.</summary>
    public static string? RequestedType(JsonObject claim) => claim.Objects("spec", "requirements")
        .FirstOrDefault(static r => r.Text("key") == InstanceTypeLabel && r.Text("operator") == "In")
        ?.Strings("values").FirstOrDefault();

    /// <summary>Name of a claim's node.</summary>
    public static string NodeName(JsonObject claim) => $"node-{claim.Name}";

    /// <summary>Provider id of a claim's machine; stable over its life.</summary>
    public static string ProviderId(JsonObject claim) => $"devcluster:///{Region}/{claim.Uid}";

    /// <summary>What the labels of a claim gain when its machine starts.</summary>
    public static SortedDictionary<string, string> MachineLabels(InstanceType type) => new(StringComparer.Ordinal)
    {
        [InstanceTypeLabel] = type.Name,
        ["karpenter.sh/capacity-type"] = "on-demand",
        ["kubernetes.io/arch"] = "amd64",
        ["kubernetes.io/os"] = "linux",
        ["topology.kubernetes.io/region"] = Region,
        ["topology.kubernetes.io/zone"] = Zone,
    };

    /// <summary>The machine's resources.</summary>
    public static JsonObject Capacity(InstanceType type)
    {
        var capacity = Resources(type.Cpus, type.MemoryGiB);
        if (type.Gpus > 0)
        {
            capacity["nvidia.com/gpu"] = Text(type.Gpus);
        }

        return capacity;
    }

    /// <summary>The node of a claim.</summary>
    public static JsonObject Node(JsonObject claim, InstanceType type, DateTimeOffset now)
    {
        var labels = MachineLabels(type);
        foreach (var (key, value) in SingleValues(claim).Concat(claim.Map("metadata", "labels")).Concat(GpuLabels(type)))
        {
            labels[key] = value;
        }

        labels["kubernetes.io/hostname"] = NodeName(claim);
        labels["karpenter.sh/registered"] = "true";
        labels["karpenter.sh/initialized"] = "true";
        var node = Render(NodeName(claim), labels, Capacity(type), now);
        node.Child("spec")["providerID"] = ProviderId(claim);
        if (claim.At("spec", "taints") is JsonArray { Count: > 0 } taints)
        {
            node.Child("spec")["taints"] = taints.DeepClone();
        }

        node.Child("metadata")["ownerReferences"] = new JsonArray(new JsonObject
        {
            ["apiVersion"] = "karpenter.sh/v1",
            ["kind"] = "NodeClaim",
            ["name"] = claim.Name,
            ["uid"] = claim.Uid,
            ["blockOwnerDeletion"] = true,
        });
        return node;
    }

    /// <summary>The node that stands for this computer.</summary>
    public static JsonObject Local(int cpus, long memoryBytes, DateTimeOffset now) => Render(
        LocalName,
        new(StringComparer.Ordinal)
        {
            ["kubernetes.io/arch"] = "amd64",
            ["kubernetes.io/hostname"] = LocalName,
            ["kubernetes.io/os"] = "linux",
            [InstanceTypeLabel] = "local",
            ["node-role.kubernetes.io/control-plane"] = "",
        },
        Resources(cpus, (int)(memoryBytes >> 30)),
        now);

    // Requirements with one allowed value become labels, as Karpenter does.
    private static IEnumerable<KeyValuePair<string, string>> SingleValues(JsonObject claim) => claim
        .Objects("spec", "requirements")
        .Where(static r => r.Text("operator") == "In" && r.Strings("values").Count() == 1)
        .Select(static r => KeyValuePair.Create(r.Text("key") ?? "", r.Strings("values").First()));

    private static IEnumerable<KeyValuePair<string, string>> GpuLabels(InstanceType type) => type.Gpus == 0
        ? []
        :
        [
            KeyValuePair.Create("nvidia.com/gpu.count", Text(type.Gpus)),
            KeyValuePair.Create("nvidia.com/gpu.memory", Text(type.GpuMemoryGiB * 1024)),
            KeyValuePair.Create("nvidia.com/gpu.product", type.GpuProduct),
        ];

    private static JsonObject Resources(int cpus, int memoryGiB) => new()
    {
        ["cpu"] = Text(cpus),
        ["ephemeral-storage"] = "1024Gi",
        ["memory"] = $"{Text(memoryGiB)}Gi",
        ["pods"] = "110",
    };

    private static JsonObject Render(
        string name, SortedDictionary<string, string> labels, JsonObject capacity, DateTimeOffset now)
    {
        var node = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Node",
            ["metadata"] = new JsonObject { ["name"] = name, ["labels"] = Fields.MapOf(labels) },
            ["spec"] = new JsonObject(),
        };
        var conditions = Conditions.Merge(
            node,
            now,
            new Condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "enough memory"),
            new Condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "enough disk"),
            new Condition("PIDPressure", "False", "KubeletHasSufficientPID", "enough process ids"),
            new Condition("Ready", "True", "KubeletReady", "pods of this node run as local processes"));
        foreach (var condition in conditions.OfType<JsonObject>())
        {
            condition["lastHeartbeatTime"] = Fields.Stamp(now);
        }

        node["status"] = new JsonObject
        {
            ["capacity"] = capacity.DeepClone(),
            ["allocatable"] = capacity,
            ["conditions"] = conditions,
            ["addresses"] = new JsonArray(
                new JsonObject { ["type"] = "InternalIP", ["address"] = "127.0.0.1" },
                new JsonObject { ["type"] = "Hostname", ["address"] = name }),
            ["nodeInfo"] = new JsonObject
            {
                ["architecture"] = "amd64",
                ["bootID"] = "",
                ["containerRuntimeVersion"] = "process://1",
                ["kernelVersion"] = "",
                ["kubeProxyVersion"] = "v1.32.0",
                ["kubeletVersion"] = "v1.32.0",
                ["machineID"] = "",
                ["operatingSystem"] = "linux",
                ["osImage"] = "local processes",
                ["systemUUID"] = "",
            },
        };
        return node;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
