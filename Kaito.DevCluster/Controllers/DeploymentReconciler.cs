using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Controllers;

/// <summary>Moves Deployments from one ReplicaSet to the next.</summary>
internal sealed class DeploymentReconciler(IClusterStore store, EventRecorder events, TimeProvider clock) : IReconciler
{
    public string Name => "deployment-controller";

    public ImmutableArray<WatchRule> Watches =>
    [
        WatchRule.Itself(Resources.Deployments),
        new(Resources.ReplicaSets, static set => Resources.Deployments.ControllerKey("Deployment", set)),
    ];

    public TimeSpan? Reconcile(ObjectKey key)
    {
        if (store.Get(key) is not { Deleting: false } deployment)
        {
            return null;
        }

        var sets = store.List(Resources.ReplicaSets, deployment.Namespace, ObjectSelector.Everything).Items
            .Where(set => Resources.ControlledBy(set, deployment)).ToArray();
        var plan = DeploymentPlanner.Plan(deployment, sets, clock.GetUtcNow());
        if (plan.Create is { } created)
        {
            store.Create(Resources.ReplicaSets, deployment.Namespace, created);
            events.Normal(deployment, "ScalingReplicaSet", $"Scaled up replica set {created.Name}", Name);
        }

        foreach (var (set, replicas) in plan.Scale)
        {
            store.Modify(Resources.ReplicaSets.KeyOf(set), stored => stored.Child("spec")["replicas"] = replicas);
            events.Normal(deployment, "ScalingReplicaSet", $"Scaled replica set {set.Name} to {replicas}", Name);
        }

        if (!JsonNode.DeepEquals(plan.Status, deployment["status"]))
        {
            store.ModifyStatus(key, stored => stored["status"] = plan.Status.DeepClone());
        }

        return null;
    }
}
