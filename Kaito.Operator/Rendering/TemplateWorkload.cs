using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Core.Workspaces;
using Kaito.Operator.Nodes;

namespace Kaito.Operator.Rendering;

/// <summary>PURE: the user's own pod on the Workspace's nodes; what we do not know of it stays as it is.</summary>
internal static class TemplateWorkload
{
    /// <param name="workspace">Where it runs, and how many.</param>
    /// <param name="pod">A PodTemplateSpec with containers, as JSON text.</param>
    /// <param name="placement">The nodes.</param>
    /// <param name="revision">Number of the desired state.</param>
    public static StatefulSet Render(Workspace workspace, string pod, PodPlacement placement, long revision)
    {
        var template = JsonNode.Parse(pod)!.AsObject();
        var labels = Child(Child(template, "metadata"), "labels");
        foreach (var (key, value) in PodParts.Labels(workspace))
        {
            labels[key] = value;
        }

        var spec = Child(template, "spec");
        Quantities.AsText(spec);
        spec.Remove("affinity");
        if (placement.Affinity is { } affinity)
        {
            spec["affinity"] = JsonSerializer.SerializeToNode(affinity, KubeJson.Default.Affinity);
        }

        spec["tolerations"] = Tolerations(spec["tolerations"] as JsonArray ?? [], placement);
        var metadata = Owned.By(workspace, workspace.Name);
        return new()
        {
            Metadata = metadata with
            {
                Annotations = ImmutableSortedDictionary<string, string>.Empty.Add(
                    Annotations.Revision, revision.ToString(CultureInfo.InvariantCulture)),
            },
            Spec = new()
            {
                Replicas = workspace.Nodes,
                Selector = new() { MatchLabels = PodParts.Labels(workspace) },
                Template = new() { Verbatim = template },
            },
        };
    }

    private static JsonArray Tolerations(JsonArray given, PodPlacement placement)
    {
        var all = given.DeepClone().AsArray();
        foreach (var ours in PodParts.Tolerations(placement))
        {
            var node = JsonSerializer.SerializeToNode(ours, KubeJson.Default.Toleration);
            if (!all.Any(there => JsonNode.DeepEquals(there, node)))
            {
                all.Add(node);
            }
        }

        return all;
    }

    private static JsonObject Child(JsonObject parent, string name)
    {
        if (parent[name] is not JsonObject child)
        {
            parent[name] = child = [];
        }

        return child;
    }
}
