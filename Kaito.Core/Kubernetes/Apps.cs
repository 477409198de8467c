// The names and meanings are those of the apps/v1 API.
#pragma warning disable CS1591
using System.Collections.Immutable;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Kaito.Core.Kubernetes;

/// <summary>Pods with stable names.</summary>
public sealed record StatefulSet : IKubeObject
{
    public string ApiVersion => "apps/v1";

    public string Kind => "StatefulSet";

    public ObjectMeta Metadata { get; init; } = new();

    public StatefulSetSpec? Spec { get; init; }

    public StatefulSetStatus? Status { get; init; }
}

public sealed record StatefulSetSpec
{
    public int? Replicas { get; init; }

    public string? ServiceName { get; init; }

    public string? PodManagementPolicy { get; init; }

    public WorkloadSelector? Selector { get; init; }

    [JsonConverter(typeof(PodTemplateConverter))]
    public PodTemplate? Template { get; init; }

    public ClaimRetentionPolicy? PersistentVolumeClaimRetentionPolicy { get; init; }

    public ImmutableArray<PersistentVolumeClaimTemplate>? VolumeClaimTemplates { get; init; }
}

/// <summary>What becomes of claims when pods go: <c>Retain</c> or <c>Delete</c>.</summary>
public sealed record ClaimRetentionPolicy
{
    public string? WhenScaled { get; init; }

    public string? WhenDeleted { get; init; }
}

/// <summary>The labels of the pods that belong to a workload.</summary>
public sealed record WorkloadSelector
{
    public ImmutableSortedDictionary<string, string>? MatchLabels { get; init; }
}

public sealed record StatefulSetStatus
{
    public int? Replicas { get; init; }

    public int? ReadyReplicas { get; init; }

    public long? ObservedGeneration { get; init; }

    public string? CurrentRevision { get; init; }

    /// <summary>Differs from <see cref="CurrentRevision"/> while pods of an older template remain.</summary>
    public string? UpdateRevision { get; init; }
}

/// <summary>A state that somebody wanted once; its data never changes.</summary>
public sealed record ControllerRevision : IKubeObject
{
    public string ApiVersion => "apps/v1";

    public string Kind => "ControllerRevision";

    public ObjectMeta Metadata { get; init; } = new();

    public JsonNode? Data { get; init; }

    public long Revision { get; init; }
}
