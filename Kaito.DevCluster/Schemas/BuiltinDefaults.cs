using System.Text;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Schemas;

/// <summary>The defaults of built-in kinds that kubectl and controllers rely on.</summary>
internal static class BuiltinDefaults
{
    public static void Fill(ResourceType type, JsonObject value, bool creating)
    {
        switch (type.Resource.ToString())
        {
            case "namespaces":
                FillNamespace(value, creating);
                break;
            case "pods":
                FillPod(value, creating);
                break;
            case "services":
                FillService(value);
                break;
            case "secrets":
                FillSecret(value);
                break;
            case "statefulsets.apps" or "deployments.apps" or "replicasets.apps" or "daemonsets.apps":
                FillWorkload(type, value.Child("spec"));
                break;
            case "jobs.batch":
                FillJob(value, creating);
                break;
        }
    }

    private static void FillNamespace(JsonObject value, bool creating)
    {
        if (creating)
        {
            value.Child("spec")["finalizers"] = new JsonArray("kubernetes");
        }

        value.Child("metadata").Child("labels")["kubernetes.io/metadata.name"] = value.Name;
        value.Child("status")["phase"] = value.Deleting ? "Terminating" : "Active";
    }

    private static void FillPod(JsonObject value, bool creating)
    {
        PodDefaults.Fill(value.Child("spec"));
        if (creating)
        {
            value["status"] = new JsonObject { ["phase"] = "Pending", ["qosClass"] = "BestEffort" };
        }
    }

    private static void FillService(JsonObject value)
    {
        var spec = value.Child("spec");
        spec.Default("type", "ClusterIP");
        spec.Default("sessionAffinity", "None");
        foreach (var port in (spec["ports"] as JsonArray ?? []).OfType<JsonObject>())
        {
            port.Default("protocol", "TCP");
            if (port["port"] is { } number)
            {
                port.Default("targetPort", number.DeepClone());
            }
        }

        if (spec.String("type") == "ExternalName")
        {
            return;
        }

        spec.Default("clusterIP", ClusterAddress(value));
        spec.Default("clusterIPs", new JsonArray(spec["clusterIP"]!.DeepClone()));
        spec.Default("ipFamilies", new JsonArray("IPv4"));
        spec.Default("ipFamilyPolicy", "SingleStack");
        spec.Default("internalTrafficPolicy", "Cluster");
    }

    /// <summary>An address that nothing routes, made from the uid so that it stays the same.</summary>
    private static string ClusterAddress(JsonObject value)
    {
        var hash = 0u;
        foreach (var letter in value["metadata"]?["uid"]?.ToString() ?? "")
        {
            hash = (hash * 31) + letter;
        }

        return $"10.96.{(hash >> 8) % 256}.{(hash % 254) + 1}";
    }

    private static void FillSecret(JsonObject value)
    {
        value.Default("type", "Opaque");
        if (value["stringData"] is JsonObject texts)
        {
            var bytes = value.Child("data");
            foreach (var (name, text) in texts)
            {
                bytes[name] = Convert.ToBase64String(Encoding.UTF8.GetBytes(text?.ToString() ?? ""));
            }

            value.Remove("stringData");
        }
    }

    private static void FillWorkload(ResourceType type, JsonObject spec)
    {
        if (type.Kind != "DaemonSet")
        {
            spec.Default("replicas", 1);
        }

        switch (type.Kind)
        {
            case "StatefulSet":
                spec.Default("podManagementPolicy", "OrderedReady");
                spec.Default("revisionHistoryLimit", 10);
                spec.Default("updateStrategy", new JsonObject { ["type"] = "RollingUpdate" });
                if (spec["updateStrategy"]?["type"]?.ToString() == "RollingUpdate")
                {
                    spec.Child("updateStrategy").Child("rollingUpdate").Default("partition", 0);
                }

                spec.Default("persistentVolumeClaimRetentionPolicy", new JsonObject
                {
                    ["whenDeleted"] = "Retain",
                    ["whenScaled"] = "Retain",
                });
                break;
            case "Deployment":
                spec.Default("revisionHistoryLimit", 10);
                spec.Default("progressDeadlineSeconds", 600);
                spec.Child("strategy").Default("type", "RollingUpdate");
                if (spec["strategy"]!["type"]!.ToString() == "RollingUpdate")
                {
                    spec.Child("strategy").Child("rollingUpdate").Default("maxSurge", "25%");
                    spec.Child("strategy").Child("rollingUpdate").Default("maxUnavailable", "25%");
                }

                break;
        }

        PodDefaults.Fill(spec.Child("template").Child("spec"));
    }

    private static void FillJob(JsonObject value, bool creating)
    {
        var spec = value.Child("spec");
        spec.Default("parallelism", 1);
        spec.Default("completions", 1);
        spec.Default("backoffLimit", 6);
        spec.Default("completionMode", "NonIndexed");
        spec.Default("suspend", false);
        var template = spec.Child("template");
        if (creating && spec["manualSelector"]?.ToString() != "true")
        {
            var uid = value["metadata"]!["uid"]!.ToString();
            var labels = template.Child("metadata").Child("labels");
            labels["batch.kubernetes.io/controller-uid"] = uid;
            labels["batch.kubernetes.io/job-name"] = value.Name;
            labels["controller-uid"] = uid;
            labels["job-name"] = value.Name;
            spec["selector"] = new JsonObject
            {
                ["matchLabels"] = new JsonObject { ["batch.kubernetes.io/controller-uid"] = uid },
            };
        }

        PodDefaults.Fill(template.Child("spec"));
    }
}

/// <summary>The defaults inside a pod's spec.</summary>
internal static class PodDefaults
{
    public static void Fill(JsonObject spec)
    {
        spec.Default("restartPolicy", "Always");
        spec.Default("terminationGracePeriodSeconds", 30);
        spec.Default("dnsPolicy", "ClusterFirst");
        spec.Default("securityContext", new JsonObject());
        spec.Default("schedulerName", "default-scheduler");
        foreach (var list in (string[])["containers", "initContainers"])
        {
            foreach (var container in (spec[list] as JsonArray ?? []).OfType<JsonObject>())
            {
                FillContainer(container);
            }
        }
    }

    private static void FillContainer(JsonObject container)
    {
        var image = container.String("image") ?? "";
        var tag = image[(image.LastIndexOf('/') + 1)..];
        var moving = !tag.Contains(':', StringComparison.Ordinal) || tag.EndsWith(":latest", StringComparison.Ordinal);
        container.Default("imagePullPolicy", moving ? "Always" : "IfNotPresent");
        container.Default("terminationMessagePath", "/dev/termination-log");
        container.Default("terminationMessagePolicy", "File");
        container.Default("resources", new JsonObject());
        foreach (var port in (container["ports"] as JsonArray ?? []).OfType<JsonObject>())
        {
            port.Default("protocol", "TCP");
        }

        foreach (var name in (string[])["livenessProbe", "readinessProbe", "startupProbe"])
        {
            if (container[name] is JsonObject probe)
            {
                FillProbe(probe);
            }
        }
    }

    private static void FillProbe(JsonObject probe)
    {
        probe.Default("timeoutSeconds", 1);
        probe.Default("periodSeconds", 10);
        probe.Default("successThreshold", 1);
        probe.Default("failureThreshold", 3);
        if (probe["httpGet"] is JsonObject get)
        {
            get.Default("path", "/");
            get.Default("scheme", "HTTP");
        }
    }
}
