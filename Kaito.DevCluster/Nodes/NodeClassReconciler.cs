using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Nodes;

/// <summary>The simulated cloud accepts every NodeClass.</summary>
internal sealed class NodeClassReconciler(IClusterStore store, TimeProvider clock) : IReconciler
{
    public string Name => "karpenter-nodeclass";

    public ImmutableArray<WatchRule> Watches => [WatchRule.Itself(Resources.NodeClasses)];

    public TimeSpan? Reconcile(ObjectKey key)
    {
        if (store.Get(key) is { } found && !Conditions.IsTrue(found, "Ready"))
        {
            store.ModifyStatus(key, stored =>
            {
                stored["status"] ??= new JsonObject();
                stored.Child("status")["conditions"] = Conditions.Merge(
                    stored, clock.GetUtcNow(), new Condition("Ready", "True", "Ready", "the simulated cloud takes it"));
            });
        }

        return null;
    }
}
