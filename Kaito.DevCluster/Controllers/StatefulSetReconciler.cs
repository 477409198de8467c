using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Controllers;

/// <summary>Keeps the pods of StatefulSets: stable names, ordered or parallel, rolling updates, claims.</summary>
internal sealed class StatefulSetReconciler(IClusterStore store, EventRecorder events, TimeProvider clock) : IReconciler
{
    public string Name => "statefulset-controller";

    public ImmutableArray<WatchRule> Watches =>
    [
        WatchRule.Itself(Resources.StatefulSets),
        new(Resources.Pods, static pod => Resources.StatefulSets.ControllerKey("StatefulSet", pod)),
    ];

    public TimeSpan? Reconcile(ObjectKey key)
    {
        if (store.Get(key) is not { Deleting: false } set)
        {
            return null;
        }

        var pods = store.List(Resources.Pods, set.Namespace, ObjectSelector.Everything).Items
            .Where(pod => Resources.ControlledBy(pod, set)).ToArray();
        var plan = StatefulSetPlanner.Plan(set, Revise(set), pods, clock.GetUtcNow());
        foreach (var claim in plan.Claims.Where(c => store.Get(Resources.Claims.KeyOf(c)) is null))
        {
            store.Create(Resources.Claims, set.Namespace, claim);
        }

        foreach (var pod in plan.Create)
        {
            events.Reporting(set, $"create Pod {pod.Name} in StatefulSet {set.Name} failed error: ", Name, () =>
                store.Create(Resources.Pods, set.Namespace, pod));
            events.Normal(set, "SuccessfulCreate", $"create Pod {pod.Name} in StatefulSet {set.Name} successful", Name);
        }

        foreach (var pod in plan.Delete)
        {
            store.Delete(Resources.Pods.KeyOf(pod), DeleteRequest.Default with { Uid = pod.Uid });
            events.Normal(set, "SuccessfulDelete", $"delete Pod {pod.Name} in StatefulSet {set.Name} successful", Name);
        }

        if (!JsonNode.DeepEquals(plan.Status, set.At("status")))
        {
            store.ModifyStatus(key, stored => stored["status"] = plan.Status.DeepClone());
        }

        return null;
    }

    // The revision of the present template, created or renumbered to be the newest, and the one that pods had before.
    private StatefulSetRevisions Revise(JsonObject set)
    {
        var template = set.At("spec", "template");
        var name = $"{set.Name}-{PodTemplates.Hash(template)}";
        var owned = store.List(Resources.Revisions, set.Namespace, ObjectSelector.Everything).Items
            .Where(revision => Resources.ControlledBy(revision, set)).ToArray();
        var newest = owned.Select(static r => r.Number("revision") ?? 0).DefaultIfEmpty(0).Max();
        var mine = owned.FirstOrDefault(r => r.Name == name);
        if (mine is null)
        {
            store.Create(Resources.Revisions, set.Namespace, Render(set, name, newest + 1));
        }
        else if (mine.Number("revision") != newest)
        {
            store.Modify(Resources.Revisions.KeyOf(mine), stored => stored["revision"] = newest + 1);
        }

        var current = set.Text("status", "currentRevision") is { Length: > 0 } known ? known : name;
        var old = owned.FirstOrDefault(r => r.Name == current)?.At("data", "spec", "template");
        return new(old is null ? name : current, old ?? template, name, template);
    }

    private static JsonObject Render(JsonObject set, string name, int number) => new()
    {
        ["apiVersion"] = "apps/v1",
        ["kind"] = "ControllerRevision",
        ["metadata"] = new JsonObject
        {
            ["name"] = name,
            ["namespace"] = set.Namespace,
            ["labels"] = Fields.MapOf(set.Map("spec", "selector", "matchLabels")
                .Append(new(StatefulSetPlanner.RevisionLabel, name))),
            ["ownerReferences"] = new JsonArray(Resources.OwnerReference(set, "apps/v1", "StatefulSet")),
        },
        ["data"] = new JsonObject { ["spec"] = new JsonObject { ["template"] = set.At("spec", "template")?.DeepClone() } },
        ["revision"] = number,
    };
}
