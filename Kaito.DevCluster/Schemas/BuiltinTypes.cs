using System.Collections.Immutable;

namespace Kaito.DevCluster.Schemas;

/// <summary>The built-in resources that are served.</summary>
internal static class BuiltinTypes
{
    private static readonly ScalePaths s_scale = new(".spec.replicas", ".status.replicas", ".spec.selector");

    public static ImmutableArray<ResourceType> All { get; } =
    [
        Core("Namespace", "namespaces", "ns", namespaced: false, status: true),
        Core("Node", "nodes", "no", namespaced: false, status: true),
        Core("PersistentVolume", "persistentvolumes", "pv", namespaced: false, status: true),
        Core("Pod", "pods", "po", status: true, categories: "all"),
        Core("Service", "services", "svc", status: true, categories: "all"),
        Core("ConfigMap", "configmaps", "cm"),
        Core("Secret", "secrets"),
        Core("ServiceAccount", "serviceaccounts", "sa"),
        Core("Event", "events", "ev"),
        Core("Endpoints", "endpoints", "ep") with { ListKind = "EndpointsList" },
        Core("PersistentVolumeClaim", "persistentvolumeclaims", "pvc", status: true),
        Core("LimitRange", "limitranges", "limits"),
        Core("ResourceQuota", "resourcequotas", "quota", status: true),
        Core("ReplicationController", "replicationcontrollers", "rc", status: true, categories: "all"),
        Of("apps", "StatefulSet", "statefulsets", "sts", status: true, scale: s_scale, categories: "all"),
        Of("apps", "Deployment", "deployments", "deploy", status: true, scale: s_scale, categories: "all"),
        Of("apps", "ReplicaSet", "replicasets", "rs", status: true, scale: s_scale, categories: "all"),
        Of("apps", "DaemonSet", "daemonsets", "ds", status: true, categories: "all"),
        Of("apps", "ControllerRevision", "controllerrevisions"),
        Of("batch", "Job", "jobs", status: true, categories: "all"),
        Of("batch", "CronJob", "cronjobs", "cj", status: true, categories: "all"),
        Of("policy", "PodDisruptionBudget", "poddisruptionbudgets", "pdb", status: true),
        Of("coordination.k8s.io", "Lease", "leases"),
        Of("discovery.k8s.io", "EndpointSlice", "endpointslices"),
        Of("events.k8s.io", "Event", "events", "ev"),
        Of("autoscaling", "HorizontalPodAutoscaler", "horizontalpodautoscalers", "hpa", status: true, version: "v2"),
        Of("networking.k8s.io", "Ingress", "ingresses", "ing", status: true),
        Of("networking.k8s.io", "NetworkPolicy", "networkpolicies", "netpol"),
        Of("scheduling.k8s.io", "PriorityClass", "priorityclasses", "pc", namespaced: false),
        Of("rbac.authorization.k8s.io", "Role", "roles"),
        Of("rbac.authorization.k8s.io", "RoleBinding", "rolebindings"),
        Of("rbac.authorization.k8s.io", "ClusterRole", "clusterroles", namespaced: false),
        Of("rbac.authorization.k8s.io", "ClusterRoleBinding", "clusterrolebindings", namespaced: false),
        Of("storage.k8s.io", "StorageClass", "storageclasses", "sc", namespaced: false),
        Of("apiextensions.k8s.io", "CustomResourceDefinition", "customresourcedefinitions", "crd,crds",
            namespaced: false, status: true, categories: "api-extensions"),
        Of("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations",
            namespaced: false, categories: "api-extensions"),
        Of("admissionregistration.k8s.io", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations",
            namespaced: false, categories: "api-extensions"),
    ];

    private static ResourceType Core(
        string kind,
        string plural,
        string shortNames = "",
        bool namespaced = true,
        bool status = false,
        string categories = "") =>
        Of("", kind, plural, shortNames, namespaced, status, null, categories);

    private static ResourceType Of(
        string group,
        string kind,
        string plural,
        string shortNames = "",
        bool namespaced = true,
        bool status = false,
        ScalePaths? scale = null,
        string categories = "",
        string version = "v1") =>
        new(group, kind, plural)
        {
            Namespaced = namespaced,
            ShortNames = Words(shortNames),
            Categories = Words(categories),
            Versions = [new(version) { HasStatus = status, Scale = scale }],
        };

    private static ImmutableArray<string> Words(string text) =>
        [.. text.Split(',', StringSplitOptions.RemoveEmptyEntries)];
}
