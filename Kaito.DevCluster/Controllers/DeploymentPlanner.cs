using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Controllers;

/// <summary>What to do about one Deployment.</summary>
/// <param name="Create">The ReplicaSet of the present template, when there is none yet.</param>
/// <param name="Scale">ReplicaSets whose size changes.</param>
/// <param name="Status">The status to write.</param>
internal sealed record DeploymentPlan(
    JsonObject? Create, ImmutableArray<(JsonObject Set, int Replicas)> Scale, JsonObject Status);

/// <summary>The decisions of the Deployment controller.</summary>
internal static class DeploymentPlanner
{
    public const string HashLabel = "pod-template-hash";
    public const string RevisionAnnotation = "deployment.kubernetes.io/revision";

    /// <param name="deployment">The Deployment as stored.</param>
    /// <param name="sets">The ReplicaSets it controls.</param>
    /// <param name="now">The time.</param>
    public static DeploymentPlan Plan(JsonObject deployment, IReadOnlyCollection<JsonObject> sets, DateTimeOffset now)
    {
        var wanted = deployment.Number("spec", "replicas") ?? 1;
        var hash = PodTemplates.Hash(deployment.At("spec", "template"));
        var current = sets.FirstOrDefault(s => s.Text("metadata", "labels", HashLabel) == hash);
        var old = sets.Where(s => s != current && Replicas(s) > 0).ToArray();
        var status = Status(deployment, sets, current, now);
        var recreate = deployment.Text("spec", "strategy", "type") == "Recreate";
        var room = recreate ? (old.Length > 0 || sets.Any(s => s != current && Existing(s) > 0) ? 0 : wanted)
            : wanted + Limit(deployment, "maxSurge", wanted, up: true) - old.Sum(Replicas);
        var grown = Math.Max(current is null ? 0 : Math.Min(Replicas(current), wanted), Math.Clamp(room, 0, wanted));
        if (current is null)
        {
            return new(Render(deployment, hash, sets, grown), [.. Shrink(deployment, old, null, wanted, recreate)], status);
        }

        var scale = Shrink(deployment, old, current, wanted, recreate);
        return new(null, [.. Replicas(current) == grown ? scale : scale.Append((current, grown))], status);
    }

    // Old pods go as far as enough available ones stay.
    private static IEnumerable<(JsonObject Set, int Replicas)> Shrink(
        JsonObject deployment, JsonObject[] old, JsonObject? current, int wanted, bool recreate)
    {
        var available = old.Sum(Available) + (current is null ? 0 : Available(current));
        var spare = recreate
            ? int.MaxValue
            : available - Math.Max(0, wanted - Limit(deployment, "maxUnavailable", wanted, up: false));
        foreach (var set in old)
        {
            var broken = recreate ? 0 : Replicas(set) - Math.Min(Replicas(set), Available(set));
            var removed = Math.Min(Replicas(set), broken + Math.Max(0, spare));
            if (removed > 0)
            {
                spare -= removed - broken;
                yield return (set, Replicas(set) - removed);
            }
        }
    }

    private static int Replicas(JsonObject set) => set.Number("spec", "replicas") ?? 0;

    private static int Existing(JsonObject set) => set.Number("status", "replicas") ?? 0;

    private static int Available(JsonObject set) => set.Number("status", "availableReplicas") ?? 0;

    // A number or a percentage, 25 % by default.
    private static int Limit(JsonObject deployment, string name, int wanted, bool up)
    {
        var text = deployment.Text("spec", "strategy", "rollingUpdate", name) ?? "25%";
        if (!text.EndsWith('%'))
        {
            return int.TryParse(text, CultureInfo.InvariantCulture, out var number) ? number : 1;
        }

        var share = double.Parse(text[..^1], CultureInfo.InvariantCulture) / 100 * wanted;
        return (int)(up ? Math.Ceiling(share) : Math.Floor(share));
    }

    private static JsonObject Render(JsonObject deployment, string hash, IEnumerable<JsonObject> sets, int replicas)
    {
        var template = deployment.At("spec", "template")!.DeepClone().AsObject();
        template.Child("metadata", "labels")[HashLabel] = hash;
        var selector = deployment.At("spec", "selector")?.DeepClone() as JsonObject ?? [];
        selector.Child("matchLabels")[HashLabel] = hash;
        var revision = sets.Select(static s => s.Number("metadata", "annotations", RevisionAnnotation) ?? 0).DefaultIfEmpty(0).Max() + 1;
        return new()
        {
            ["apiVersion"] = "apps/v1",
            ["kind"] = "ReplicaSet",
            ["metadata"] = new JsonObject
            {
                ["name"] = $"{deployment.Name}-{hash}",
                ["namespace"] = deployment.Namespace,
                ["labels"] = template.At("metadata", "labels")!.DeepClone(),
                ["annotations"] = new JsonObject { [RevisionAnnotation] = revision.ToString(CultureInfo.InvariantCulture) },
                ["ownerReferences"] = new JsonArray(Resources.OwnerReference(deployment, "apps/v1", "Deployment")),
            },
            ["spec"] = new JsonObject { ["replicas"] = replicas, ["selector"] = selector, ["template"] = template },
        };
    }

    private static JsonObject Status(
        JsonObject deployment, IReadOnlyCollection<JsonObject> sets, JsonObject? current, DateTimeOffset now)
    {
        var wanted = deployment.Number("spec", "replicas") ?? 1;
        var available = sets.Sum(Available);
        var updated = current is null ? 0 : Existing(current);
        var enough = available >= wanted - Limit(deployment, "maxUnavailable", wanted, up: false);
        var done = updated == wanted && available >= wanted && sets.Sum(Existing) == wanted;
        return new()
        {
            ["observedGeneration"] = deployment.Number("metadata", "generation") ?? 1,
            ["replicas"] = sets.Sum(Existing),
            ["updatedReplicas"] = updated,
            ["readyReplicas"] = sets.Sum(static s => s.Number("status", "readyReplicas") ?? 0),
            ["availableReplicas"] = available,
            ["unavailableReplicas"] = Math.Max(0, wanted - available),
            ["conditions"] = Conditions.Merge(
                deployment,
                now,
                enough
                    ? new Condition("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
                    : new Condition(
                        "Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability."),
                done
                    ? new Condition("Progressing", "True", "NewReplicaSetAvailable", "The new ReplicaSet serves.")
                    : new Condition("Progressing", "True", "ReplicaSetUpdated", "The new ReplicaSet is progressing.")),
        };
    }
}
