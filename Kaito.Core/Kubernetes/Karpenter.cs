// The names and meanings are those of the karpenter.sh/v1 API.
#pragma warning disable CS1591
using System.Collections.Immutable;
using System.Text.Json;

namespace Kaito.Core.Kubernetes;

/// <summary>
/// A request for one node, answered by Karpenter or gpu-provisioner. Cluster-wide. As the Machine of karpenter.sh/v1alpha5,
/// which it was before, it has another name and a reference of another name.
/// </summary>
public sealed record NodeClaim : IKubeObject
{
    public const string LegacyVersion = "karpenter.sh/v1alpha5";

    public const string LegacyKind = "Machine";

    public string ApiVersion { get => field ?? "karpenter.sh/v1"; init; }

    public string Kind { get => field ?? "NodeClaim"; init; }

    public ObjectMeta Metadata { get; init; } = new();

    public NodeClaimSpec? Spec { get; init; }

    public NodeClaimStatus? Status { get; init; }
}

public sealed record NodeClaimSpec
{
    public NodeClassReference? NodeClassRef { get; init; }

    /// <summary>In a Machine, instead of <see cref="NodeClassRef"/>.</summary>
    public NodeClassReference? MachineTemplateRef { get; init; }

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

/// <summary>A number of like nodes that Karpenter keeps (its gate StaticCapacity). Cluster-wide.</summary>
public sealed record NodePool : IKubeObject
{
    public string ApiVersion => "karpenter.sh/v1";

    public string Kind => "NodePool";

    public ObjectMeta Metadata { get; init; } = new();

    public NodePoolSpec? Spec { get; init; }

    public NodePoolStatus? Status { get; init; }
}

public sealed record NodePoolSpec
{
    public int? Replicas { get; init; }

    public NodePoolTemplate? Template { get; init; }

    public Disruption? Disruption { get; init; }
}

/// <summary>What each NodeClaim of a pool is made from.</summary>
public sealed record NodePoolTemplate
{
    public ObjectMeta? Metadata { get; init; }

    public NodeClaimSpec? Spec { get; init; }
}

public sealed record Disruption
{
    public string? ConsolidateAfter { get; init; }

    public ImmutableArray<DisruptionBudget>? Budgets { get; init; }
}

public sealed record DisruptionBudget
{
    public string? Nodes { get; init; }

    public ImmutableArray<string>? Reasons { get; init; }
}

public sealed record NodePoolStatus
{
    public ImmutableArray<StatusCondition>? Conditions { get; init; }
}

/// <summary>How a cloud sets up the machines of a NodePool; the cloud says of which group and kind. Cluster-wide.</summary>
public sealed record NodeClass : IKubeObject
{
    public string ApiVersion { get => field ?? ""; init; }

    public string Kind { get => field ?? ""; init; }

    public ObjectMeta Metadata { get; init; } = new();

    public JsonElement? Spec { get; init; }

    public NodeClassStatus? Status { get; init; }
}

public sealed record NodeClassStatus
{
    public ImmutableArray<StatusCondition>? Conditions { get; init; }
}
