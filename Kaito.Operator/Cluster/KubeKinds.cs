using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Kaito.Core;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Nodes;

namespace Kaito.Operator.Cluster;

/// <summary>Where a kind lives on the API server.</summary>
internal abstract record KubeKind(string ApiVersion, string Kind, string Plural, bool Namespaced)
{
    /// <summary>The path of all objects of the kind in a namespace, or of all there are when it is null.</summary>
    public string Collection(string? space)
    {
        var root = ApiVersion.Contains('/', StringComparison.Ordinal) ? $"apis/{ApiVersion}" : $"api/{ApiVersion}";
        return Namespaced && space is not null ? $"{root}/namespaces/{space}/{Plural}" : $"{root}/{Plural}";
    }

    public string Object(string? space, string name) => $"{Collection(space)}/{name}";
}

/// <summary>A kind with the record that its objects are read into.</summary>
internal sealed record KubeKind<T>(
    string ApiVersion, string Kind, string Plural, bool Namespaced, JsonTypeInfo<T> Contract)
    : KubeKind(ApiVersion, Kind, Plural, Namespaced)
    where T : class, IKubeObject
{
    /// <summary>Marks an object of which only the metadata could be read.</summary>
    public Func<T, FieldError, T> Unreadable { get; init; } = static (named, _) => named;

    /// <summary>Whether an object carries that mark.</summary>
    public Func<T, bool> IsUnreadable { get; init; } = static _ => false;

    /// <summary>Whether only the metadata is asked for.</summary>
    public bool MetadataOnly { get; init; }
}

/// <summary>The kinds that the operator reads or writes.</summary>
internal static class KubeKinds
{
    public static KubeKind<WorkspaceResource> Workspaces { get; } = new(
        WorkspaceResource.V1Beta1, WorkspaceResource.KindName, WorkspaceResource.Plural, true,
        WorkspaceJson.Default.WorkspaceResource)
    {
        Unreadable = static (named, why) => named with { Unreadable = why },
        IsUnreadable = static workspace => workspace.Unreadable is not null,
    };

    public static KubeKind<InferenceSetResource> InferenceSets { get; } = new(
        WorkspaceResource.V1Beta1, InferenceSetResource.KindName, InferenceSetResource.Plural, true,
        WorkspaceJson.Default.InferenceSetResource);

    public static KubeKind<RagEngineResource> RagEngines { get; } = new(
        WorkspaceResource.V1Beta1, RagEngineResource.KindName, RagEngineResource.Plural, true,
        WorkspaceJson.Default.RagEngineResource);

    public static KubeKind<NodeClaim> NodeClaims { get; } = new(
        "karpenter.sh/v1", "NodeClaim", "nodeclaims", false, KubeJson.Default.NodeClaim);

    /// <summary>What NodeClaims were called at first.</summary>
    public static KubeKind<NodeClaim> Machines { get; } = new(
        NodeClaim.LegacyVersion, NodeClaim.LegacyKind, "machines", false, KubeJson.Default.NodeClaim);

    public static KubeKind<NodePool> NodePools { get; } = new(
        "karpenter.sh/v1", "NodePool", "nodepools", false, KubeJson.Default.NodePool);

    /// <summary>The NodeClasses of the cluster's Karpenter.</summary>
    public static KubeKind<NodeClass> NodeClassesOf(KarpenterOptions options) => new(
        $"{options.Group}/{options.Version}", options.Kind, options.ResourceName, false, KubeJson.Default.NodeClass);

    public static KubeKind<Node> Nodes { get; } = new("v1", "Node", "nodes", false, KubeJson.Default.Node);

    public static KubeKind<Pod> Pods { get; } = new("v1", "Pod", "pods", true, KubeJson.Default.Pod);

    public static KubeKind<Service> Services { get; } = new(
        "v1", "Service", "services", true, KubeJson.Default.Service);

    public static KubeKind<ConfigMap> ConfigMaps { get; } = new(
        "v1", "ConfigMap", "configmaps", true, KubeJson.Default.ConfigMap);

    // Of most of these nobody reads more than whose they are and whether they changed.
    public static KubeKind<Service> ServiceNames { get; } = Services with { MetadataOnly = true };

    public static KubeKind<ConfigMap> ConfigMapNames { get; } = ConfigMaps with { MetadataOnly = true };

    public static KubeKind<StatefulSet> StatefulSets { get; } = new(
        "apps/v1", "StatefulSet", "statefulsets", true, KubeJson.Default.StatefulSet);

    public static KubeKind<Deployment> Deployments { get; } = new(
        "apps/v1", "Deployment", "deployments", true, KubeJson.Default.Deployment);

    public static KubeKind<Job> Jobs { get; } = new("batch/v1", "Job", "jobs", true, KubeJson.Default.Job);

    public static KubeKind<PodDisruptionBudget> Budgets { get; } = new(
        "policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", true, KubeJson.Default.PodDisruptionBudget);

    public static KubeKind<PodDisruptionBudget> BudgetNames { get; } = Budgets with { MetadataOnly = true };

    public static KubeKind<ControllerRevision> Revisions { get; } = new(
        "apps/v1", "ControllerRevision", "controllerrevisions", true, KubeJson.Default.ControllerRevision);

    public static KubeKind<KubeEvent> Events { get; } = new("v1", "Event", "events", true, KubeJson.Default.KubeEvent);

    public static KubeKind<Lease> Leases { get; } = new(
        "coordination.k8s.io/v1", "Lease", "leases", true, KubeJson.Default.Lease);

    public static KubeKind<Secret> Secrets { get; } = new("v1", "Secret", "secrets", true, KubeJson.Default.Secret);

    public static KubeKind<ValidatingWebhookConfiguration> ValidatingWebhooks { get; } = new(
        "admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", false,
        KubeJson.Default.ValidatingWebhookConfiguration);

    /// <summary>The kind of an object.</summary>
    public static KubeKind Of(IKubeObject item) => item switch
    {
        InferenceSetResource => InferenceSets,
        RagEngineResource => RagEngines,
        Pod => Pods,
        Node => Nodes,
        Lease => Leases,
        _ => Describe(item).Kind,
    };

    /// <summary>The kind of an object that the planner may render, and the object as JSON.</summary>
    public static (KubeKind Kind, string Json) Describe(IKubeObject rendered) => rendered switch
    {
        NodeClaim o => (o.Kind == NodeClaim.LegacyKind ? Machines : NodeClaims, JsonSerializer.Serialize(o, KubeJson.Default.NodeClaim)),
        NodePool o => (NodePools, JsonSerializer.Serialize(o, KubeJson.Default.NodePool)),
        Service o => (Services, JsonSerializer.Serialize(o, KubeJson.Default.Service)),
        ControllerRevision o => (Revisions, JsonSerializer.Serialize(o, KubeJson.Default.ControllerRevision)),
        ConfigMap o => (ConfigMaps, JsonSerializer.Serialize(o, KubeJson.Default.ConfigMap)),
        Deployment o => (Deployments, JsonSerializer.Serialize(o, KubeJson.Default.Deployment)),
        Job o => (Jobs, JsonSerializer.Serialize(o, KubeJson.Default.Job)),
        PodDisruptionBudget o => (Budgets, JsonSerializer.Serialize(o, KubeJson.Default.PodDisruptionBudget)),
        StatefulSet o => (StatefulSets, JsonSerializer.Serialize(o, KubeJson.Default.StatefulSet)),
        ValidatingWebhookConfiguration o => (
            ValidatingWebhooks, JsonSerializer.Serialize(o, KubeJson.Default.ValidatingWebhookConfiguration)),
        WorkspaceResource o => (Workspaces, JsonSerializer.Serialize(o, WorkspaceJson.Default.WorkspaceResource)),
        _ => throw new ArgumentException($"The operator does not render {rendered.Kind}.", nameof(rendered)),
    };
}
