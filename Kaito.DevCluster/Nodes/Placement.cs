using System.Text.Json.Nodes;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Nodes;

/// <summary>Where a pod may run.</summary>
internal abstract record Placement
{
    private Placement() { }

    /// <summary>The node is free for the pod.</summary>
    public sealed record Bound(string Node) : Placement;

    /// <summary>No node fits; the message counts the nodes per obstacle, as the Kubernetes scheduler does.</summary>
    public sealed record Unschedulable(string Message) : Placement;

    /// <summary>Chooses among the nodes for one pod.</summary>
    /// <param name="pod">The pod that waits.</param>
    /// <param name="nodes">All the nodes.</param>
    /// <param name="pods">All the pods; those bound and not finished take room.</param>
    /// <remarks>
    /// Fullest GPU node first, so that large pods find room; a pod without GPUs goes to the node with the fewest of them.
    /// Ties break on the name.
    /// </remarks>
    public static Placement Plan(JsonObject pod, IReadOnlyCollection<JsonObject> nodes, IReadOnlyCollection<JsonObject> pods)
    {
        var wanted = Requests(pod);
        var fitting = new List<(string Name, decimal FreeGpus)>();
        var obstacles = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var node in nodes)
        {
            var free = Free(node, pods);
            var reasons = Obstacles(pod, node, wanted, free).ToArray();
            if (reasons.Length == 0)
            {
                fitting.Add((node.Name, free.GetValueOrDefault("nvidia.com/gpu")));
            }

            foreach (var reason in reasons)
            {
                obstacles[reason] = obstacles.GetValueOrDefault(reason) + 1;
            }
        }

        return fitting.Count > 0
            ? new Bound(fitting.OrderBy(static n => n.FreeGpus).ThenBy(static n => n.Name, StringComparer.Ordinal).First().Name)
            : new Unschedulable(Explain(nodes.Count, obstacles));
    }

    private static string Explain(int nodes, SortedDictionary<string, int> obstacles) =>
        nodes == 0
            ? "no nodes available to schedule pods"
            : $"0/{nodes} nodes are available: {string.Join(", ", obstacles.Select(static o => $"{o.Value} {o.Key}"))}.";

    private static IEnumerable<string> Obstacles(
        JsonObject pod, JsonObject node, Dictionary<string, decimal> wanted, Dictionary<string, decimal> free)
    {
        if (node.Flag("spec", "unschedulable"))
        {
            return ["node(s) were unschedulable"];
        }

        if (UntoleratedTaint(pod, node) is { } taint)
        {
            return [$"node(s) had untolerated taint {{{taint.Text("key")}: {taint.Text("value")}}}"];
        }

        if (!Selected(pod, node))
        {
            return ["node(s) didn't match Pod's node affinity/selector"];
        }

        return Conditions.IsTrue(node, "Ready")
            ? wanted.Where(w => w.Value > free.GetValueOrDefault(w.Key)).Select(static w =>
                w.Key == "pods" ? "Too many pods" : $"Insufficient {w.Key}")
            : ["node(s) were not ready"];
    }

    private static bool Selected(JsonObject pod, JsonObject node)
    {
        var required = pod.At("spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution");
        return LabelSelectors.MatchesMap(pod.At("spec", "nodeSelector"), node)
            && (required is null || LabelSelectors.MatchesAnyTerm(required.Objects("nodeSelectorTerms"), node));
    }

    private static JsonObject? UntoleratedTaint(JsonObject pod, JsonObject node) => node.Objects("spec", "taints").FirstOrDefault(
        taint => taint.Text("effect") is "NoSchedule" or "NoExecute"
            && !pod.Objects("spec", "tolerations").Any(t => Tolerates(t, taint)));

    private static bool Tolerates(JsonObject toleration, JsonObject taint)
    {
        var (effect, key) = (toleration.Text("effect"), toleration.Text("key"));
        return (string.IsNullOrEmpty(effect) || effect == taint.Text("effect"))
            && (string.IsNullOrEmpty(key) ? toleration.Text("operator") == "Exists" : key == taint.Text("key"))
            && (toleration.Text("operator") == "Exists" || (toleration.Text("value") ?? "") == (taint.Text("value") ?? ""));
    }

    private static Dictionary<string, decimal> Free(JsonObject node, IEnumerable<JsonObject> pods)
    {
        var free = node.Map("status", "allocatable").ToDictionary(static m => m.Key, static m => Quantity.Parse(m.Value));
        foreach (var other in pods.Where(p => p.Text("spec", "nodeName") == node.Name && !Finished(p)))
        {
            foreach (var (resource, amount) in Requests(other))
            {
                free[resource] = free.GetValueOrDefault(resource) - amount;
            }
        }

        return free;
    }

    private static bool Finished(JsonObject pod) => pod.Text("status", "phase") is "Succeeded" or "Failed";

    /// <summary>What a pod takes: the sum over its containers or its largest init container, whichever is more.</summary>
    public static Dictionary<string, decimal> Requests(JsonObject pod)
    {
        var sum = new Dictionary<string, decimal> { ["pods"] = 1 };
        foreach (var (resource, amount) in pod.Objects("spec", "containers").SelectMany(ContainerRequests))
        {
            sum[resource] = sum.GetValueOrDefault(resource) + amount;
        }

        foreach (var (resource, amount) in pod.Objects("spec", "initContainers").SelectMany(ContainerRequests))
        {
            sum[resource] = Math.Max(sum.GetValueOrDefault(resource), amount);
        }

        return sum;
    }

    // A limit without a request is the request.
    private static IEnumerable<(string Resource, decimal Amount)> ContainerRequests(JsonObject container) =>
        container.Map("resources", "limits").Concat(container.Map("resources", "requests"))
            .GroupBy(static m => m.Key)
            .Select(static g => (g.Key, Quantity.Parse(g.Last().Value)));
}
