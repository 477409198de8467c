// The names and meanings are those of the policy/v1 API.
#pragma warning disable CS1591
namespace Kaito.Core.Kubernetes;

/// <summary>How many pods of a workload may be away on purpose, such as while nodes are drained.</summary>
public sealed record PodDisruptionBudget : IKubeObject
{
    public string ApiVersion => "policy/v1";

    public string Kind => "PodDisruptionBudget";

    public ObjectMeta Metadata { get; init; } = new();

    public PodDisruptionBudgetSpec? Spec { get; init; }
}

public sealed record PodDisruptionBudgetSpec
{
    public int? MaxUnavailable { get; init; }

    public WorkloadSelector? Selector { get; init; }
}
