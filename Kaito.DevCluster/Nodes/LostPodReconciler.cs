using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Nodes;

/// <summary>Deletes the pods of nodes that no longer exist.</summary>
internal sealed class LostPodReconciler(IClusterStore store) : IReconciler
{
    public string Name => "pod-garbage-collector";

    public ImmutableArray<WatchRule> Watches => [WatchRule.Itself(Resources.Nodes), new(Resources.Pods, NodeOf)];

    public TimeSpan? Reconcile(ObjectKey key)
    {
        if (store.Get(key) is not null)
        {
            return null;
        }

        foreach (var pod in store.List(Resources.Pods).Items.Where(p => p.Text("spec", "nodeName") == key.Name))
        {
            store.Delete(Resources.Pods.KeyOf(pod), DeleteRequest.Now with { Uid = pod.Uid });
        }

        return null;
    }

    private static IEnumerable<ObjectKey> NodeOf(JsonObject pod) =>
        pod.Text("spec", "nodeName") is { Length: > 0 } node ? [new(Resources.Nodes, null, node)] : [];
}
