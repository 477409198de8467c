// The names and meanings are those of the karpenter.sh/v1 API.
#pragma warning disable CS1591
using System.Collections.Immutable;

namespace Kaito.Core.Kubernetes;

/// <summary>A request for one node, answered by Karpenter or gpu-provisioner. Cluster-wide.</summary>
public sealed record NodeClaim : IKubeObject
{
    public string ApiVersion => "karpenter.sh/v1";

    public string Kind => "NodeClaim";

    public ObjectMeta Metadata { get; init; } = new();

    public NodeClaimSpec? Spec { get; init; }

    public NodeClaimStatus? Status { get; init; }
}

public sealed record NodeClaimSpec
{
    public NodeClassReference? NodeClassRef { get; init; }

    public ImmutableArray<NodeSelectorRequirement>? Requirements { get; init; }

    public ResourceRequirements? Resources { get; init; }

    public ImmutableArray<Taint>? Taints { get; init; }
}

public sealed record NodeClassReference
{
    public string? Group { get; init; }

    public string? Kind { get; init; }

    public string? Name { get; init; }
}

public sealed record Taint
{
    public string? Key { get; init; }

    public string? Value { get; init; }

    public string? Effect { get; init; }
}

public sealed record NodeClaimStatus
{
    public string? NodeName { get; init; }

    public ImmutableArray<StatusCondition>? Conditions { get; init; }
}
