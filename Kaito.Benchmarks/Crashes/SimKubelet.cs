using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.Benchmarks.Crashes;

/// <summary>Pods run as soon as they have a node, those of Jobs succeed at once, and none takes time to stop.</summary>
internal sealed class SimKubelet(IClusterStore store, TimeProvider clock) : IReconciler
{
    public string Name => "kubelet";

    public ImmutableArray<WatchRule> Watches => [WatchRule.Itself(Resources.Pods)];

    public TimeSpan? Reconcile(ObjectKey key)
    {
        if (store.Get(key) is not { } pod)
        {
            return null;
        }

        if (pod.Deleting)
        {
            store.Delete(key, DeleteRequest.Now);
        }
        else if (pod.Text("spec", "nodeName") is { Length: > 0 } && pod.Text("status", "phase") is null or "" or "Pending")
        {
            var status = Status(pod, ends: pod.Text("spec", "restartPolicy") is "Never" or "OnFailure");
            store.ModifyStatus(key, stored => stored["status"] = status);
        }

        return null;
    }

    private JsonObject Status(JsonObject pod, bool ends)
    {
        var now = clock.GetUtcNow();
        var ready = ends ? new Condition("Ready", "False", "PodCompleted") : new Condition("Ready", "True");
        return new()
        {
            ["phase"] = ends ? "Succeeded" : "Running",
            ["conditions"] = Conditions.Merge(pod, now, ready),
            ["containerStatuses"] = Fields.ListOf(pod.Objects("spec", "containers").Select(c => new JsonObject
            {
                ["name"] = c.Text("name"),
                ["ready"] = !ends,
                ["restartCount"] = 0,
                ["image"] = c.Text("image"),
                ["imageID"] = "",
                ["state"] = ends
                    ? new JsonObject { ["terminated"] = new JsonObject { ["exitCode"] = 0, ["reason"] = "Completed" } }
                    : new JsonObject { ["running"] = new JsonObject { ["startedAt"] = Fields.Stamp(now) } },
            })),
        };
    }
}

/// <summary>The simulated Karpenter, which can be sold out of an instance type.</summary>
internal sealed class SimCloud(IClusterStore store, SimCluster cluster, NodeClaimReconciler inner) : IReconciler
{
    public string Name => inner.Name;

    public ImmutableArray<WatchRule> Watches => inner.Watches;

    public TimeSpan? Reconcile(ObjectKey key)
    {
        if (store.Get(key) is { Deleting: false } claim && NodeRendering.RequestedType(claim) is { } type)
        {
            var mode = cluster.SoldOut.Contains(type) ? "no-capacity" : null;
            if (claim.Text("metadata", "annotations", ProvisioningOptions.ModeAnnotation) != mode)
            {
                store.Modify(key, stored => stored.Child("metadata", "annotations")
                    .Replace(ProvisioningOptions.ModeAnnotation, mode is null ? null : JsonValue.Create(mode)));
            }
        }

        return inner.Reconcile(key);
    }
}
