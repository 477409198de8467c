using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Schemas;

/// <summary>The checks of built-in kinds that a wrong manifest most often meets; far from all that a real server makes.</summary>
internal static class BuiltinChecks
{
    /// <summary>Pods of one workload; each may be a process.</summary>
    private const int MostPods = 1000;

    public static void Require(ResourceType type, JsonObject value)
    {
        var causes = ImmutableArray.CreateBuilder<StatusCause>();
        switch (type.Kind)
        {
            case "Pod":
                PodChecks.Check(value["spec"] as JsonObject, "spec", causes);
                break;
            case "StatefulSet" or "Deployment" or "ReplicaSet" or "DaemonSet":
                CheckWorkload(value["spec"] as JsonObject ?? [], causes);
                break;
            case "Job":
                CheckCount(value.Child("spec"), "parallelism", causes);
                PodChecks.Check(value.At("spec", "template", "spec") as JsonObject, "spec.template.spec", causes);
                break;
            case "Secret":
                CheckBytes(value, "data", causes);
                break;
            case "ConfigMap":
                CheckBytes(value, "binaryData", causes);
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
                    template.At("metadata", "labels"),
                    "`selector` does not match template `labels`"));
            }
        }

        CheckCount(spec, "replicas", causes);
        PodChecks.Check(spec.At("template", "spec") as JsonObject, "spec.template.spec", causes);
    }

    private static void CheckCount(
        JsonObject spec, string name, ImmutableArray<StatusCause>.Builder causes)
    {
        if (spec.Number(name) is not { } count)
        {
            return;
        }

        if (count < 0)
        {
            causes.Add(StatusCause.Invalid($"spec.{name}", count, "must be greater than or equal to 0"));
        }
        else if (count > MostPods)
        {
            causes.Add(StatusCause.Invalid($"spec.{name}", count, $"the dev cluster takes at most {MostPods}"));
        }
    }

    private static void CheckBytes(JsonObject value, string name, ImmutableArray<StatusCause>.Builder causes)
    {
        foreach (var (key, text) in value.Map(name))
        {
            if (!Convert.TryFromBase64String(text, new byte[text.Length], out _))
            {
                causes.Add(StatusCause.Invalid($"{name}[{key}]", text, "must be base64"));
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
            if (ports[i].At("port") is not JsonValue port || port.AsLong() is < 1 or > 65535)
            {
                causes.Add(StatusCause.Invalid(
                    $"spec.ports[{i}].port", ports[i].At("port"), "must be between 1 and 65535, inclusive"));
            }
        }
    }
}
