using System.Text.Json.Nodes;
using Kaito.DevCluster.Schemas;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Controllers;

/// <summary>The resources that the controllers work with.</summary>
internal static class Resources
{
    public static readonly GroupResource Pods = new("", "pods");
    public static readonly GroupResource Nodes = new("", "nodes");
    public static readonly GroupResource Services = new("", "services");
    public static readonly GroupResource Endpoints = new("", "endpoints");
    public static readonly GroupResource ConfigMaps = new("", "configmaps");
    public static readonly GroupResource Secrets = new("", "secrets");
    public static readonly GroupResource Events = new("", "events");
    public static readonly GroupResource Namespaces = new("", "namespaces");
    public static readonly GroupResource Claims = new("", "persistentvolumeclaims");
    public static readonly GroupResource StatefulSets = new("apps", "statefulsets");
    public static readonly GroupResource Deployments = new("apps", "deployments");
    public static readonly GroupResource ReplicaSets = new("apps", "replicasets");
    public static readonly GroupResource Revisions = new("apps", "controllerrevisions");
    public static readonly GroupResource Jobs = new("batch", "jobs");
    public static readonly GroupResource EndpointSlices = new("discovery.k8s.io", "endpointslices");
    public static readonly GroupResource NodeClaims = new("karpenter.sh", "nodeclaims");
    public static readonly GroupResource NodePools = new("karpenter.sh", "nodepools");
    public static readonly GroupResource NodeClasses = new("karpenter.azure.com", "aksnodeclasses");
    public static readonly GroupResource Definitions = CustomTypes.Definitions;

    /// <summary>The key of an object of the resource.</summary>
    public static ObjectKey KeyOf(this GroupResource resource, JsonObject item) =>
        new(resource, item.Namespace.Length == 0 ? null : item.Namespace, item.Name);

    /// <summary>The key of the object's controlling owner if that is of the kind, else nothing.</summary>
    public static IEnumerable<ObjectKey> ControllerKey(this GroupResource owner, string kind, JsonObject item) =>
        item.Objects("metadata", "ownerReferences")
            .Where(o => o.Flag("controller") && o.Text("kind") == kind)
            .Select(o => new ObjectKey(owner, item.Namespace, o.Text("name") ?? ""));

    /// <summary>Whether the owner controls the object.</summary>
    public static bool ControlledBy(JsonObject item, JsonObject owner) => item.Objects("metadata", "ownerReferences")
        .Any(o => o.Flag("controller") && o.Text("uid") == owner.Uid);

    /// <summary>A controlling owner reference.</summary>
    public static JsonObject OwnerReference(JsonObject owner, string apiVersion, string kind) => new()
    {
        ["apiVersion"] = apiVersion,
        ["kind"] = kind,
        ["name"] = owner.Name,
        ["uid"] = owner.Uid,
        ["controller"] = true,
        ["blockOwnerDeletion"] = true,
    };
}
