using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Schemas;

/// <summary>The checks of built-in kinds that a wrong manifest most often meets; far from all that a real server makes.</summary>
internal static class BuiltinChecks
{
    public static void Require(ResourceType type, JsonObject value)
    {
        var causes = ImmutableArray.CreateBuilder<StatusCause>();
        switch (type.Kind)
        {
            case "Pod":
                CheckPod(value["spec"] as JsonObject, "spec", causes);
                break;
            case "StatefulSet" or "Deployment" or "ReplicaSet" or "DaemonSet":
                CheckWorkload(value["spec"] as JsonObject ?? [], causes);
                break;
            case "Job":
                CheckPod(value["spec"]?["template"]?["spec"] as JsonObject, "spec.template.spec", causes);
                break;
            case "Service":
                CheckService(value["spec"] as JsonObject ?? [], causes);
                break;
        }

        if (causes.Count > 0)
        {
            throw ApiStatusException.Invalid(type.Group, type.Kind, value.Name, causes.ToImmutable());
        }
    }

    private static void CheckWorkload(JsonObject spec, ImmutableArray<StatusCause>.Builder causes)
    {
        if (spec["selector"] is not JsonObject selector)
        {
            causes.Add(StatusCause.Required("spec.selector"));
        }
        else
        {
            var template = spec["template"] as JsonObject ?? [];
            if (!ObjectSelector.OfObject(selector)!.Matches(template))
            {
                causes.Add(StatusCause.Invalid(
                    "spec.template.metadata.labels",
                    template["metadata"]?["labels"],
                    "`selector` does not match template `labels`"));
            }
        }

        if (spec["replicas"] is JsonValue replicas && replicas.AsLong() < 0)
        {
            causes.Add(StatusCause.Invalid("spec.replicas", replicas, "must be greater than or equal to 0"));
        }

        CheckPod(spec["template"]?["spec"] as JsonObject, "spec.template.spec", causes);
    }

    private static void CheckPod(JsonObject? spec, string path, ImmutableArray<StatusCause>.Builder causes)
    {
        if (spec?["containers"] is not JsonArray { Count: > 0 } containers)
        {
            causes.Add(StatusCause.Required($"{path}.containers"));
            return;
        }

        for (var i = 0; i < containers.Count; i++)
        {
            var container = containers[i] as JsonObject ?? [];
            foreach (var name in (string[])["name", "image"])
            {
                if (container.String(name) is not { Length: > 0 })
                {
                    causes.Add(StatusCause.Required($"{path}.containers[{i}].{name}"));
                }
            }
        }
    }

    private static void CheckService(JsonObject spec, ImmutableArray<StatusCause>.Builder causes)
    {
        var ports = spec["ports"] as JsonArray ?? [];
        if (ports.Count == 0 && spec.String("clusterIP") != "None" && spec.String("type") != "ExternalName")
        {
            causes.Add(StatusCause.Required("spec.ports"));
        }

        for (var i = 0; i < ports.Count; i++)
        {
            if (ports[i]?["port"] is not JsonValue port || port.AsLong() is < 1 or > 65535)
            {
                causes.Add(StatusCause.Invalid(
                    $"spec.ports[{i}].port", ports[i]?["port"], "must be between 1 and 65535, inclusive"));
            }
        }
    }
}
