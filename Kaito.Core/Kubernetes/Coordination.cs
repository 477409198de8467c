// The names and meanings are those of the coordination.k8s.io/v1 API.
#pragma warning disable CS1591
namespace Kaito.Core.Kubernetes;

/// <summary>A lock that must be renewed.</summary>
public sealed record Lease : IKubeObject
{
    public string ApiVersion => "coordination.k8s.io/v1";

    public string Kind => "Lease";

    public ObjectMeta Metadata { get; init; } = new();

    public LeaseSpec? Spec { get; init; }
}

/// <summary>Who holds a lease; times are RFC 3339 text with exactly six digits of a second.</summary>
public sealed record LeaseSpec
{
    public string? HolderIdentity { get; init; }

    public int? LeaseDurationSeconds { get; init; }

    public string? AcquireTime { get; init; }

    public string? RenewTime { get; init; }

    public int? LeaseTransitions { get; init; }
}
