// The names and meanings are those of the apps/v1 API.
#pragma warning disable CS1591
using System.Text.Json.Nodes;

namespace Kaito.Core.Kubernetes;

/// <summary>Pods without names of their own, replaced a few at a time.</summary>
public sealed record Deployment : IKubeObject
{
    public string ApiVersion => "apps/v1";

    public string Kind => "Deployment";

    public ObjectMeta Metadata { get; init; } = new();

    /// <summary>As JSON: rendered as a whole and never read.</summary>
    public JsonObject? Spec { get; init; }

    public DeploymentStatus? Status { get; init; }
}

public sealed record DeploymentStatus
{
    public long? ObservedGeneration { get; init; }

    public int? Replicas { get; init; }

    public int? UpdatedReplicas { get; init; }

    public int? ReadyReplicas { get; init; }
}
