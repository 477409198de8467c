using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Operator.Admission;
using Kaito.Operator.Workspaces;

namespace Kaito.Operator.Install;

/// <summary>What the operator may do with some resources, everywhere or in its own namespace.</summary>
/// <param name="Group">API group; empty for the core group.</param>
/// <param name="Resources">Plural names, with subresources as <c>plural/sub</c>.</param>
/// <param name="Verbs">E.g. <c>get</c>.</param>
/// <param name="Names">The only objects that the rule is about; empty for all.</param>
internal sealed record Permission(
    string Group, ImmutableArray<string> Resources, ImmutableArray<string> Verbs, ImmutableArray<string> Names = default);

/// <summary>Least privilege: each line is here because a request of the operator needs it.</summary>
internal static class Permissions
{
    private static readonly ImmutableArray<string> s_watch = ["get", "list", "watch"];

    // Server-side apply needs patch, and create where the object may be new.
    private static readonly ImmutableArray<string> s_own = ["get", "list", "watch", "create", "patch", "delete"];

    public static ImmutableArray<Permission> InCluster { get; } =
    [
        // An InferenceSet makes and deletes Workspaces.
        new(WorkspaceResource.Group, [WorkspaceResource.Plural], s_own),
        new(WorkspaceResource.Group, [InferenceSetResource.Plural, RagEngineResource.Plural], [.. s_watch, "patch"]),
        new(
            WorkspaceResource.Group,
            [
                $"{WorkspaceResource.Plural}/status", $"{InferenceSetResource.Plural}/status",
                $"{RagEngineResource.Plural}/status",
            ],
            ["patch"]),

        // An owner reference that blocks deletion may only be written by who may finalize the owner.
        new(
            WorkspaceResource.Group,
            [
                $"{WorkspaceResource.Plural}/finalizers", $"{InferenceSetResource.Plural}/finalizers",
                $"{RagEngineResource.Plural}/finalizers",
            ],
            ["update"]),
        new("karpenter.sh", ["nodeclaims", "nodepools"], s_own),
        new("karpenter.azure.com", ["aksnodeclasses"], [.. s_watch, "create"]),
        new("karpenter.k8s.aws", ["ec2nodeclasses"], [.. s_watch, "create"]),
        new("", ["nodes"], [.. s_watch, "patch"]),
        new("", ["pods"], s_watch),

        // The start-up benchmark tells its result in the log of a model's first pod.
        new("", ["pods/log"], ["get"]),
        new("", ["persistentvolumeclaims"], ["list"]),
        new("", ["services", "configmaps"], s_own),

        // Only events tell why a pod was not made, or waits for a volume.
        new("", ["events"], ["list", "create", "patch"]),
        new("apps", ["statefulsets", "deployments", "controllerrevisions"], s_own),
        new("batch", ["jobs"], s_own),
        new("policy", ["poddisruptionbudgets"], s_own),
        new("storage.k8s.io", ["storageclasses"], ["get"], [WorkspaceObserver.NvmeClass]),
        new("apiextensions.k8s.io", ["customresourcedefinitions"], ["get"]),
        new(
            "admissionregistration.k8s.io", ["validatingwebhookconfigurations"], ["get", "patch"],
            WebhookRegistration.Names),
    ];

    public static ImmutableArray<Permission> InOwnNamespace { get; } =
    [
        new("coordination.k8s.io", ["leases"], ["get", "create", "update"]),

        // The installation brings it empty: create could not be limited to a name.
        new("", ["secrets"], ["get", "update"], [WebhookCertificates.SecretName]),
    ];
}
