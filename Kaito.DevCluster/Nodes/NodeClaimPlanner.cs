using System.Text.Json.Nodes;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Nodes;

/// <summary>What to do about one NodeClaim.</summary>
internal sealed record NodeClaimPlan
{
    /// <summary>The status to write.</summary>
    public JsonObject? Status { get; init; }

    /// <summary>The node to create.</summary>
    public JsonObject? Node { get; init; }

    /// <summary>Labels that the claim lacks.</summary>
    public JsonObject? Labels { get; init; }

    /// <summary>The claim's node vanished after it had been registered: the claim goes too.</summary>
    public bool DeleteClaim { get; init; }

    /// <summary>A failure to report as an event: reason and message.</summary>
    public (string Reason, string Message)? Failure { get; init; }

    public TimeSpan? RecheckAfter { get; init; }
}

/// <summary>The simulated Karpenter's decisions for a claim that is not being deleted.</summary>
internal static class NodeClaimPlanner
{
    private static readonly string[] s_stages = ["Launched", "Registered", "Initialized"];

    /// <param name="claim">The claim as stored.</param>
    /// <param name="node">Its node, or null.</param>
    /// <param name="behaviour">How the cloud treats this claim.</param>
    /// <param name="now">The time.</param>
    public static NodeClaimPlan Plan(
        JsonObject claim, JsonObject? node, (ProvisioningMode Mode, TimeSpan Delay) behaviour, DateTimeOffset now)
    {
        if (Conditions.IsTrue(claim, "Registered") && node is null)
        {
            return new() { DeleteClaim = true };
        }

        var name = NodeRendering.RequestedType(claim);
        var type = name is null ? null : InstanceTypes.Find(name);
        if (type is null)
        {
            return Failed(claim, now, "InstanceTypeUnknown", name is null
                ? "spec.requirements has no entry 'node.kubernetes.io/instance-type In [type]'; add one"
                : $"instance type \"{name}\" does not exist in this region; choose another instance type");
        }

        // A machine that runs is not taken away when the mode changes.
        return node is not null ? Ready(claim, node, type, now) : behaviour.Mode switch
        {
            ProvisioningMode.NoQuota => Failed(claim, now, "QuotaExceeded",
                $"launching instance type \"{type.Name}\" needs {type.Cpus} vCPUs of its family, but the subscription's "
                + "quota is 0; request more quota or choose another instance type"),
            ProvisioningMode.NoCapacity => Failed(claim, now, "InsufficientCapacity",
                $"the region has no free machine of instance type \"{type.Name}\"; try later, another region or another "
                + "instance type"),
            _ => Launch(claim, type, behaviour.Delay, now),
        };
    }

    private static NodeClaimPlan Launch(JsonObject claim, InstanceType type, TimeSpan delay, DateTimeOffset now)
    {
        var due = (claim.Time("metadata", "creationTimestamp") ?? now) + delay;
        if (due > now)
        {
            return new()
            {
                Status = Status(claim, now, null, Waiting("Launched", $"instance type \"{type.Name}\" is starting")),
                Labels = MissingLabels(claim, type),
                RecheckAfter = due - now,
            };
        }

        return new() { Node = NodeRendering.Node(claim, type, now), Labels = MissingLabels(claim, type) };
    }

    private static NodeClaimPlan Ready(JsonObject claim, JsonObject node, InstanceType type, DateTimeOffset now)
    {
        var done = s_stages.Append("Ready").Select(static stage => new Condition(stage, "True", stage));
        var status = Status(claim, now, node, done);
        status["capacity"] = NodeRendering.Capacity(type);
        status["allocatable"] = NodeRendering.Capacity(type);
        status["providerID"] = NodeRendering.ProviderId(claim);
        status["imageID"] = "local-process";
        return new() { Status = status, Labels = MissingLabels(claim, type) };
    }

    private static NodeClaimPlan Failed(JsonObject claim, DateTimeOffset now, string reason, string message) => new()
    {
        Status = Status(claim, now, null,
        [
            new("Launched", "False", reason, message),
            .. Waiting("Registered", "the machine is not launched"),
            new("Ready", "False", reason, message),
        ]),
        Failure = (reason, message),
    };

    // The named stage and those after it have not happened yet.
    private static IEnumerable<Condition> Waiting(string from, string message) => s_stages
        .SkipWhile(stage => stage != from)
        .Select(stage => new Condition(stage, "Unknown", "AwaitingReconciliation", message))
        .Append(new("Ready", "Unknown", "AwaitingReconciliation", message));

    private static JsonObject Status(
        JsonObject claim, DateTimeOffset now, JsonObject? node, IEnumerable<Condition> conditions)
    {
        var status = claim["status"]?.DeepClone() as JsonObject ?? [];
        status["conditions"] = Conditions.Merge(claim, now, conditions);
        if (node is not null)
        {
            status["nodeName"] = node.Name;
        }

        return status;
    }

    private static JsonObject? MissingLabels(JsonObject claim, InstanceType type)
    {
        var missing = NodeRendering.MachineLabels(type)
            .Where(label => claim.Text("metadata", "labels", label.Key) != label.Value).ToArray();
        return missing.Length == 0 ? null : Fields.MapOf(missing);
    }
}
