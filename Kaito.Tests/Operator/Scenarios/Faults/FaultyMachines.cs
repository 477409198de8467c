using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Nodes;
using Kaito.DevCluster.Schemas;
using Kaito.DevCluster.Storage;

namespace Kaito.Tests.Operator.Scenarios.Faults;

/// <summary>What the row that runs does to nodes and pods; everything is well while nothing is set.</summary>
internal sealed class Trouble
{
    /// <summary>How the cloud answers a claim for an instance type; null for not at all.</summary>
    public Func<string, ProvisioningMode?>? Cloud { get; set; }

    /// <summary>The status that the cloud gives a claim in place of a machine.</summary>
    public Func<JsonObject, string>? Claim { get; set; }

    /// <summary>Changes a node whenever it is written.</summary>
    public Action<JsonObject>? Node { get; set; }

    /// <summary>The status of a pod that would otherwise run well; null for that.</summary>
    public Func<JsonObject, string?>? Pod { get; set; }

    /// <summary>Why an object may not be created; null when it may.</summary>
    public Func<ResourceType, JsonObject, string?>? Refusal { get; set; }

    /// <summary>The API server checks nothing, as one that knows no rules in CRDs.</summary>
    public bool Unchecked { get; set; }

    public void End() => (Cloud, Claim, Node, Pod, Refusal, Unchecked) = (null, null, null, null, null, false);
}

/// <summary>The simulated Karpenter, which a row can make refuse or be silent.</summary>
internal sealed class FaultyCloud(
    IClusterStore store, EventRecorder events, ProvisioningOptions options, TimeProvider clock, Trouble trouble) : IReconciler
{
    private static readonly TimeSpan s_again = TimeSpan.FromMilliseconds(20);
    private readonly NodeClaimReconciler _good = new(store, events, options, clock);

    public string Name => "faulty-cloud";

    public ImmutableArray<WatchRule> Watches => _good.Watches;

    public TimeSpan? Reconcile(ObjectKey key)
    {
        if (store.Get(key) is not { } claim)
        {
            return null;
        }

        var type = NodeRendering.RequestedType(claim) ?? "";
        // Read once: the row may end the trouble in the middle, and a claim that it refused is looked at again.
        var cloud = trouble.Cloud;
        var mode = cloud is null ? ProvisioningMode.Ok : cloud(type);
        if (!claim.Deleting && mode is null)
        {
            return s_again;
        }

        if (!claim.Deleting && trouble.Claim is { } failing)
        {
            var status = JsonNode.Parse(failing(claim))!;
            if (!JsonNode.DeepEquals(status, claim["status"]))
            {
                store.ModifyStatus(key, stored => stored["status"] = status.DeepClone());
            }

            return s_again;
        }

        var again = new NodeClaimReconciler(store, events, options with { Mode = mode ?? ProvisioningMode.Ok }, clock)
            .Reconcile(key);
        return cloud is null ? again : s_again;
    }
}

/// <summary>A kubelet for all nodes, whose containers do what the row says.</summary>
internal sealed class FaultyKubelet(IClusterStore store, Trouble trouble) : IReconciler
{
    private static readonly TimeSpan s_again = TimeSpan.FromMilliseconds(20);

    public string Name => "faulty-kubelet";

    public ImmutableArray<WatchRule> Watches => [WatchRule.Itself(Resources.Pods)];

    public TimeSpan? Reconcile(ObjectKey key)
    {
        if (store.Get(key) is not { } pod)
        {
            return null;
        }

        if (pod.Deleting)
        {
            store.Delete(key, DeleteRequest.Now with { Uid = pod.Uid });
            return null;
        }

        if (string.IsNullOrEmpty(pod.Text("spec", "nodeName")) || pod.Text("status", "phase") is "Succeeded" or "Failed")
        {
            return null;
        }

        var status = JsonNode.Parse(trouble.Pod?.Invoke(pod) ?? Well(pod))!;
        if (!JsonNode.DeepEquals(status, pod["status"]))
        {
            store.ModifyStatus(key, stored => stored["status"] = status.DeepClone());
        }

        return s_again;
    }

    private static string Well(JsonObject pod) => pod.Objects("metadata", "ownerReferences").Any(static o => o.Text("kind") == "Job")
        ? """{"phase":"Succeeded","conditions":[{"type":"Ready","status":"False"}]}"""
        : """
          {"phase":"Running","conditions":[{"type":"Ready","status":"True"}],
           "containerStatuses":[{"name":"c","ready":true,"started":true,"restartCount":0,"state":{"running":{}}}]}
          """;
}

/// <summary>The rules of the dev cluster, and those of the row.</summary>
internal sealed class FaultyRules(ObjectRules rules, Trouble trouble) : IObjectRules
{
    public void RequireShape(ResourceType type, JsonObject value) => rules.RequireShape(type, value);

    public void Admit(ResourceType type, JsonObject value, JsonObject? stored)
    {
        if (stored is null && trouble.Refusal?.Invoke(type, value) is { } why)
        {
            throw new ApiStatusException(new(
                403, "Forbidden", $"{type.Plural} \"{value.Name}\" is forbidden: {why}"));
        }

        if (!trouble.Unchecked)
        {
            rules.Admit(type, value, stored);
        }

        if (type.Kind == "Node" && value.Name != NodeRendering.LocalName)
        {
            trouble.Node?.Invoke(value);
        }
    }
}
