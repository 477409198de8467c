using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Controllers;

/// <summary>Keeps the number of pods that a ReplicaSet asks for.</summary>
internal sealed class ReplicaSetReconciler(IClusterStore store, EventRecorder events, TimeProvider clock) : IReconciler
{
    public string Name => "replicaset-controller";

    public ImmutableArray<WatchRule> Watches =>
    [
        WatchRule.Itself(Resources.ReplicaSets),
        new(Resources.Pods, static pod => Resources.ReplicaSets.ControllerKey("ReplicaSet", pod)),
    ];

    public TimeSpan? Reconcile(ObjectKey key)
    {
        if (store.Get(key) is not { Deleting: false } set)
        {
            return null;
        }

        var pods = store.List(Resources.Pods, set.Namespace, ObjectSelector.Everything).Items
            .Where(pod => Resources.ControlledBy(pod, set) && !PodTemplates.IsFinished(pod) && !pod.Deleting).ToArray();
        var wanted = set.Number("spec", "replicas") ?? 1;
        for (var i = pods.Length; i < wanted; i++)
        {
            var pod = PodTemplates.Pod(
                set, set.At("spec", "template"), Resources.OwnerReference(set, "apps/v1", "ReplicaSet"));
            pod.Child("metadata")["generateName"] = $"{set.Name}-";
            events.Normal(set, "SuccessfulCreate", $"Created pod: {store.Create(Resources.Pods, set.Namespace, pod).Name}", Name);
        }

        // Those that serve go last, the youngest first.
        foreach (var pod in pods.OrderBy(PodTemplates.IsReady)
            .ThenByDescending(static p => p.Text("metadata", "creationTimestamp"), StringComparer.Ordinal)
            .Take(pods.Length - wanted))
        {
            store.Delete(Resources.Pods.KeyOf(pod), new() { Uid = pod.Uid });
            events.Normal(set, "SuccessfulDelete", $"Deleted pod: {pod.Name}", Name);
        }

        Report(key, set, pods);
        return null;
    }

    private void Report(ObjectKey key, JsonObject set, JsonObject[] pods)
    {
        var wait = set.Number("spec", "minReadySeconds") ?? 0;
        var now = clock.GetUtcNow();
        var status = new JsonObject
        {
            ["replicas"] = pods.Length,
            ["fullyLabeledReplicas"] = pods.Length,
            ["readyReplicas"] = pods.Count(PodTemplates.IsReady),
            ["availableReplicas"] = pods.Count(pod => PodTemplates.IsAvailable(pod, wait, now)),
            ["observedGeneration"] = set.Number("metadata", "generation") ?? 1,
        };
        if (!JsonNode.DeepEquals(status, set["status"]))
        {
            store.ModifyStatus(key, stored => stored["status"] = status.DeepClone());
        }
    }
}
