using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Nodes;

/// <summary>Binds pods to nodes; one pass looks at every pod that waits, oldest first.</summary>
internal sealed class SchedulerReconciler(IClusterStore store, EventRecorder events, TimeProvider clock) : IReconciler
{
    // One key stands for "the cluster": any pod or node may free or take room for any other.
    private static readonly ObjectKey s_all = new(Resources.Nodes, null, "*");

    public string Name => "default-scheduler";

    public ImmutableArray<WatchRule> Watches =>
    [
        new(Resources.Pods, static _ => [s_all]),
        new(Resources.Nodes, static _ => [s_all]),
    ];

    public TimeSpan? Reconcile(ObjectKey key)
    {
        var pods = store.List(Resources.Pods).Items.ToList();
        var waiting = pods
            .Where(static p => string.IsNullOrEmpty(p.Text("spec", "nodeName")) && !p.Deleting && IsOurs(p))
            .OrderBy(static p => p.Text("metadata", "creationTimestamp"), StringComparer.Ordinal)
            .ToArray();
        if (waiting.Length == 0)
        {
            return null;
        }

        var nodes = store.List(Resources.Nodes).Items;
        foreach (var pod in waiting)
        {
            switch (Placement.Plan(pod, nodes, pods))
            {
                case Placement.Bound bound:
                    Bind(pod, bound.Node);
                    break;
                case Placement.Unschedulable none:
                    Refuse(pod, none.Message);
                    break;
            }
        }

        return null;
    }

    private static bool IsOurs(JsonObject pod) =>
        pod.Text("spec", "schedulerName") is null or "" or "default-scheduler" && !pod.Objects("spec", "schedulingGates").Any();

    private void Bind(JsonObject pod, string node)
    {
        // Later pods of this pass see the room as taken.
        pod.Child("spec")["nodeName"] = node;
        var key = Resources.Pods.KeyOf(pod);
        var now = clock.GetUtcNow();
        store.ModifyStatus(key, stored => stored.Child("status")["conditions"] =
            Conditions.Merge(stored, now, new Condition("PodScheduled", "True")));
        store.Modify(key, stored => stored.Child("spec")["nodeName"] ??= node);
        events.Normal(pod, "Scheduled", $"Successfully assigned {pod.Namespace}/{pod.Name} to {node}", Name);
    }

    private void Refuse(JsonObject pod, string message)
    {
        if (Conditions.Find(pod, "PodScheduled")?.Text("message") == message)
        {
            return;
        }

        var now = clock.GetUtcNow();
        store.ModifyStatus(Resources.Pods.KeyOf(pod), stored =>
        {
            stored.Child("status")["phase"] = "Pending";
            stored.Child("status")["conditions"] = Conditions.Merge(
                stored, now, new Condition("PodScheduled", "False", "Unschedulable", message));
        });
        events.Warning(pod, "FailedScheduling", message, Name);
    }
}
