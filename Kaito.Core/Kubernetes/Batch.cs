// The names and meanings are those of the batch/v1 API.
#pragma warning disable CS1591
using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Kaito.Core.Kubernetes;

/// <summary>Pods that run until one of them succeeds.</summary>
public sealed record Job : IKubeObject
{
    public string ApiVersion => "batch/v1";

    public string Kind => "Job";

    public ObjectMeta Metadata { get; init; } = new();

    public JobSpec? Spec { get; init; }

    public JobStatus? Status { get; init; }
}

/// <summary>The API server lets nobody change the template.</summary>
public sealed record JobSpec
{
    [JsonConverter(typeof(PodTemplateConverter))]
    public PodTemplate? Template { get; init; }
}

public sealed record JobStatus
{
    public int? Active { get; init; }

    public int? Ready { get; init; }

    public int? Succeeded { get; init; }

    /// <summary>Pods that failed; the Job itself has failed only when a condition says so.</summary>
    public int? Failed { get; init; }

    public ImmutableArray<StatusCondition>? Conditions { get; init; }
}
