using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Controllers;

/// <summary>What to create, delete and report for one StatefulSet.</summary>
internal sealed record StatefulSetPlan(
    ImmutableArray<JsonObject> Claims, ImmutableArray<JsonObject> Create, ImmutableArray<JsonObject> Delete, JsonObject Status);

/// <summary>The revisions of a StatefulSet: names and templates of the old and the new one.</summary>
internal sealed record StatefulSetRevisions(string Current, JsonNode? CurrentTemplate, string Update, JsonNode? UpdateTemplate);

/// <summary>The decisions of the StatefulSet controller.</summary>
internal static class StatefulSetPlanner
{
    public const string RevisionLabel = "controller-revision-hash";
    private const string PodNameLabel = "statefulset.kubernetes.io/pod-name";
    private const string PodIndexLabel = "apps.kubernetes.io/pod-index";

    /// <param name="set">The set as stored.</param>
    /// <param name="revisions">Its revisions.</param>
    /// <param name="pods">The pods it controls.</param>
    /// <param name="now">The time.</param>
    public static StatefulSetPlan Plan(
        JsonObject set, StatefulSetRevisions revisions, IReadOnlyCollection<JsonObject> pods, DateTimeOffset now)
    {
        var ordinals = Ordinals(set);
        var byOrdinal = pods.ToLookup(pod => Ordinal(set, pod));
        var create = new List<JsonObject>();
        var delete = new List<JsonObject>();
        var settled = true;
        foreach (var ordinal in ordinals)
        {
            if (!settled && !Parallel(set))
            {
                break;
            }

            settled &= Fill(set, revisions, ordinal, byOrdinal[ordinal].FirstOrDefault(), (create, delete));
        }

        var condemned = pods.Where(pod => !ordinals.Contains(Ordinal(set, pod))).OrderByDescending(p => Ordinal(set, p)).ToArray();
        Shrink(set, settled, condemned, delete);
        if ((settled || Parallel(set)) && condemned.Length == 0 && create.Count == 0 && delete.Count == 0)
        {
            Roll(set, revisions, [.. ordinals.Select(o => byOrdinal[o].First())], delete);
        }

        var claims = create.SelectMany(pod => Claims(set, pod));
        return new([.. claims], [.. create], [.. delete], Status(set, revisions, pods, now));
    }

    /// <summary>Whether all pods of the set run the new revision and are ready.</summary>
    public static bool RolledOut(JsonObject set, string update, IReadOnlyCollection<JsonObject> pods) =>
        pods.Count == Replicas(set) && pods.All(pod => Revision(pod) == update && PodTemplates.IsReady(pod) && !pod.Deleting);

    private static int Replicas(JsonObject set) => set.Number("spec", "replicas") ?? 1;

    private static bool Parallel(JsonObject set) => set.Text("spec", "podManagementPolicy") == "Parallel";

    private static string? Revision(JsonObject pod) => pod.Text("metadata", "labels", RevisionLabel);

    private static bool Healthy(JsonObject pod) => PodTemplates.IsReady(pod) && !pod.Deleting;

    private static int[] Ordinals(JsonObject set) =>
        [.. Enumerable.Range(set.Number("spec", "ordinals", "start") ?? 0, Replicas(set))];

    private static int Ordinal(JsonObject set, JsonObject pod) =>
        int.TryParse(pod.Name.AsSpan(Math.Min(set.Name.Length + 1, pod.Name.Length)), CultureInfo.InvariantCulture, out var n)
            ? n
            : -1;

    // True when the ordinal's pod runs and is ready, so that the next one may follow.
    private static bool Fill(
        JsonObject set,
        StatefulSetRevisions revisions,
        int ordinal,
        JsonObject? pod,
        (List<JsonObject> Create, List<JsonObject> Delete) steps)
    {
        if (pod is null)
        {
            steps.Create.Add(Render(set, revisions, ordinal));
            return false;
        }

        if (PodTemplates.IsFinished(pod) && !pod.Deleting)
        {
            steps.Delete.Add(pod);
            return false;
        }

        return Healthy(pod);
    }

    private static void Shrink(JsonObject set, bool settled, JsonObject[] condemned, List<JsonObject> delete)
    {
        if (Parallel(set))
        {
            delete.AddRange(condemned.Where(static pod => !pod.Deleting));
        }
        else if (settled && condemned is [var last, ..] && !last.Deleting)
        {
            delete.Add(last);
        }
    }

    // One pod at a time, the highest ordinal first; an unhealthy pod of the new revision stops the roll-out.
    private static void Roll(JsonObject set, StatefulSetRevisions revisions, JsonObject[] pods, List<JsonObject> delete)
    {
        if (set.Text("spec", "updateStrategy", "type") == "OnDelete")
        {
            return;
        }

        foreach (var pod in pods.Reverse().TakeWhile(pod => Ordinal(set, pod) >= Partition(set)))
        {
            if (Revision(pod) != revisions.Update && !pod.Deleting)
            {
                delete.Add(pod);
                return;
            }

            if (!Healthy(pod))
            {
                return;
            }
        }
    }

    private static int Partition(JsonObject set) => set.Number("spec", "updateStrategy", "rollingUpdate", "partition") ?? 0;

    private static JsonObject Render(JsonObject set, StatefulSetRevisions revisions, int ordinal)
    {
        var updated = ordinal >= Partition(set);
        var template = updated ? revisions.UpdateTemplate : revisions.CurrentTemplate;
        var pod = PodTemplates.Pod(set, template, Resources.OwnerReference(set, "apps/v1", "StatefulSet"));
        var name = $"{set.Name}-{ordinal.ToString(CultureInfo.InvariantCulture)}";
        pod.Child("metadata")["name"] = name;
        var labels = pod.Child("metadata", "labels");
        labels[RevisionLabel] = updated ? revisions.Update : revisions.Current;
        labels[PodNameLabel] = name;
        labels[PodIndexLabel] = ordinal.ToString(CultureInfo.InvariantCulture);
        var spec = pod.Child("spec");
        spec["hostname"] = name;
        if (set.Text("spec", "serviceName") is { Length: > 0 } service)
        {
            spec["subdomain"] = service;
        }

        AddClaimVolumes(set, name, spec);
        return pod;
    }

    private static void AddClaimVolumes(JsonObject set, string pod, JsonObject spec)
    {
        var templates = set.Objects("spec", "volumeClaimTemplates").Select(static t => t.Name).ToArray();
        if (templates.Length == 0)
        {
            return;
        }

        var kept = spec.Objects("volumes").Where(v => !templates.Contains(v.Text("name"))).Select(static v => v.Copy());
        spec["volumes"] = Fields.ListOf(kept.Concat(templates.Select(template => new JsonObject
        {
            ["name"] = template,
            ["persistentVolumeClaim"] = new JsonObject { ["claimName"] = $"{template}-{pod}" },
        })));
    }

    private static IEnumerable<JsonObject> Claims(JsonObject set, JsonObject pod)
    {
        foreach (var template in set.Objects("spec", "volumeClaimTemplates"))
        {
            var claim = template.Copy();
            claim.Remove("status");
            claim["apiVersion"] = "v1";
            claim["kind"] = "PersistentVolumeClaim";
            var metadata = claim.Child("metadata");
            metadata["name"] = $"{template.Name}-{pod.Name}";
            metadata["namespace"] = set.Namespace;
            foreach (var (key, value) in set.Map("spec", "selector", "matchLabels"))
            {
                claim.Child("metadata", "labels")[key] = value;
            }

            if (set.Text("spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted") == "Delete")
            {
                metadata["ownerReferences"] = new JsonArray(Resources.OwnerReference(set, "apps/v1", "StatefulSet"));
            }

            yield return claim;
        }
    }

    private static JsonObject Status(
        JsonObject set, StatefulSetRevisions revisions, IReadOnlyCollection<JsonObject> pods, DateTimeOffset now)
    {
        var live = pods.Where(static pod => !pod.Deleting && !PodTemplates.IsFinished(pod)).ToArray();
        var rolledOut = RolledOut(set, revisions.Update, pods);
        var updated = live.Count(pod => Revision(pod) == revisions.Update);
        var wait = set.Number("spec", "minReadySeconds") ?? 0;
        return new()
        {
            ["observedGeneration"] = set.Number("metadata", "generation") ?? 1,
            ["replicas"] = pods.Count,
            ["readyReplicas"] = pods.Count(Healthy),
            ["availableReplicas"] = pods.Count(pod => Healthy(pod) && PodTemplates.IsAvailable(pod, wait, now)),
            ["currentReplicas"] = rolledOut ? updated : live.Count(pod => Revision(pod) == revisions.Current),
            ["updatedReplicas"] = updated,
            ["currentRevision"] = rolledOut ? revisions.Update : revisions.Current,
            ["updateRevision"] = revisions.Update,
            ["collisionCount"] = 0,
        };
    }
}
