using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Nodes;

/// <summary>The simulated Karpenter: a NodeClaim becomes a Node, and takes it along when it goes.</summary>
internal sealed class NodeClaimReconciler(
    IClusterStore store, EventRecorder events, ProvisioningOptions options, TimeProvider clock) : IReconciler
{
    private const string Finalizer = "karpenter.sh/termination";

    public string Name => "karpenter";

    public ImmutableArray<WatchRule> Watches =>
    [
        WatchRule.Itself(Resources.NodeClaims),
        new(Resources.Nodes, static node => node.Objects("metadata", "ownerReferences")
            .Where(static o => o.Text("kind") == "NodeClaim")
            .Select(static o => new ObjectKey(Resources.NodeClaims, null, o.Text("name") ?? ""))),
    ];

    public TimeSpan? Reconcile(ObjectKey key)
    {
        if (store.Get(key) is not { } claim)
        {
            return null;
        }

        var nodeKey = new ObjectKey(Resources.Nodes, null, NodeRendering.NodeName(claim));
        var node = store.Get(nodeKey);
        if (claim.Deleting)
        {
            Terminate(key, nodeKey, node);
            return null;
        }

        var plan = NodeClaimPlanner.Plan(claim, node, options.For(claim), clock.GetUtcNow());
        return Act(key, claim, nodeKey, plan);
    }

    private TimeSpan? Act(ObjectKey key, JsonObject claim, ObjectKey nodeKey, NodeClaimPlan plan)
    {
        if (plan.DeleteClaim)
        {
            store.Delete(key, DeleteRequest.Default);
            return null;
        }

        Mark(key, claim, plan.Labels);
        if (plan.Node is { } node)
        {
            store.Create(Resources.Nodes, null, node);
            store.ModifyStatus(nodeKey, stored => stored["status"] = node.At("status")?.DeepClone());
            events.Normal(claim, "Launched", $"Node {nodeKey.Name} started", Name);

            // Creating the node has queued this claim again: the next look finds it and reports Ready.
            return null;
        }

        if (plan.Status is { } status && !JsonNode.DeepEquals(status, claim.At("status")))
        {
            store.ModifyStatus(key, stored => stored["status"] = status.DeepClone());
            if (plan.Failure is { } failure)
            {
                events.Warning(claim, failure.Reason, failure.Message, Name);
            }
        }

        return plan.RecheckAfter;
    }

    private void Mark(ObjectKey key, JsonObject claim, JsonObject? labels)
    {
        if (labels is null && claim.Strings("metadata", "finalizers").Contains(Finalizer))
        {
            return;
        }

        store.Modify(key, stored =>
        {
            var finalizers = stored.Strings("metadata", "finalizers").Append(Finalizer).Distinct();
            stored.Child("metadata")["finalizers"] = Fields.List(finalizers);
            foreach (var (label, value) in labels.Map())
            {
                stored.Child("metadata", "labels")[label] = value;
            }
        });
    }

    private void Terminate(ObjectKey key, ObjectKey nodeKey, JsonObject? node)
    {
        if (node is not null)
        {
            store.Delete(nodeKey, DeleteRequest.Default);
            return;
        }

        store.Modify(key, stored => stored.Child("metadata")["finalizers"] =
            Fields.List(stored.Strings("metadata", "finalizers").Where(static f => f != Finalizer)));
    }
}
