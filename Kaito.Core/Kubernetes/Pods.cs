// The names and meanings are those of the core v1 API.
#pragma warning disable CS1591
using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Kaito.Core.Kubernetes;

/// <summary>Containers that run together on one node; read, never rendered.</summary>
public sealed record Pod : IKubeObject
{
    public string ApiVersion => "v1";

    public string Kind => "Pod";

    public ObjectMeta Metadata { get; init; } = new();

    public PodBinding? Spec { get; init; }

    public PodStatus? Status { get; init; }
}

/// <summary>The part of a pod's spec that says where it runs.</summary>
public sealed record PodBinding
{
    public string? NodeName { get; init; }
}

public sealed record PodStatus
{
    public string? Phase { get; init; }

    public string? Reason { get; init; }

    public string? Message { get; init; }

    public ImmutableArray<StatusCondition>? Conditions { get; init; }

    public ImmutableArray<ContainerStatus>? InitContainerStatuses { get; init; }

    public ImmutableArray<ContainerStatus>? ContainerStatuses { get; init; }
}

public sealed record ContainerStatus
{
    public string? Name { get; init; }

    public int RestartCount { get; init; }

    public ContainerState? State { get; init; }

    public ContainerState? LastState { get; init; }
}

public sealed record ContainerState
{
    public ContainerStateReason? Waiting { get; init; }

    public ContainerStateReason? Terminated { get; init; }
}

public sealed record ContainerStateReason
{
    public string? Reason { get; init; }

    public string? Message { get; init; }

    public int? ExitCode { get; init; }
}

/// <summary>What the pods of a workload look like.</summary>
public sealed record PodTemplate
{
    public ObjectMeta Metadata { get; init; } = new();

    public PodSpec? Spec { get; init; }
}

public sealed record PodSpec
{
    public Affinity? Affinity { get; init; }

    public ImmutableArray<Toleration>? Tolerations { get; init; }

    public ImmutableArray<Container>? Containers { get; init; }

    public ImmutableArray<Volume>? Volumes { get; init; }
}

public sealed record Affinity
{
    public NodeAffinity? NodeAffinity { get; init; }
}

public sealed record NodeAffinity
{
    public NodeSelector? RequiredDuringSchedulingIgnoredDuringExecution { get; init; }
}

public sealed record NodeSelector
{
    public ImmutableArray<NodeSelectorTerm>? NodeSelectorTerms { get; init; }
}

public sealed record NodeSelectorTerm
{
    public ImmutableArray<NodeSelectorRequirement>? MatchExpressions { get; init; }
}

public sealed record NodeSelectorRequirement
{
    public string? Key { get; init; }

    public string? Operator { get; init; }

    public ImmutableArray<string>? Values { get; init; }
}

public sealed record Toleration
{
    public string? Key { get; init; }

    public string? Operator { get; init; }

    public string? Value { get; init; }

    public string? Effect { get; init; }
}

public sealed record Container
{
    public string? Name { get; init; }

    public string? Image { get; init; }

    public ImmutableArray<string>? Args { get; init; }

    public ImmutableArray<EnvironmentVariable>? Env { get; init; }

    public ImmutableArray<ContainerPort>? Ports { get; init; }

    public ResourceRequirements? Resources { get; init; }

    public Probe? StartupProbe { get; init; }

    public Probe? LivenessProbe { get; init; }

    public Probe? ReadinessProbe { get; init; }

    public ImmutableArray<VolumeMount>? VolumeMounts { get; init; }
}

public sealed record EnvironmentVariable
{
    public string? Name { get; init; }

    public string? Value { get; init; }

    public EnvironmentSource? ValueFrom { get; init; }
}

public sealed record EnvironmentSource
{
    public SecretKey? SecretKeyRef { get; init; }
}

public sealed record SecretKey
{
    public string? Name { get; init; }

    public string? Key { get; init; }

    public bool? Optional { get; init; }
}

public sealed record ContainerPort
{
    public string? Name { get; init; }

    [JsonPropertyName("containerPort")]
    public int Number { get; init; }

    public string? Protocol { get; init; }
}

/// <summary>Amounts by resource name, as Kubernetes quantities such as <c>"1"</c> or <c>"87Gi"</c>.</summary>
public sealed record ResourceRequirements
{
    public ImmutableSortedDictionary<string, string>? Requests { get; init; }

    public ImmutableSortedDictionary<string, string>? Limits { get; init; }
}

public sealed record Probe
{
    public HttpGetAction? HttpGet { get; init; }

    public int? InitialDelaySeconds { get; init; }

    public int? PeriodSeconds { get; init; }

    public int? TimeoutSeconds { get; init; }

    public int? FailureThreshold { get; init; }
}

public sealed record HttpGetAction
{
    public string? Path { get; init; }

    public int Port { get; init; }
}

public sealed record VolumeMount
{
    public string? Name { get; init; }

    public string? MountPath { get; init; }

    public bool? ReadOnly { get; init; }
}

/// <summary>A volume; exactly one source is set.</summary>
public sealed record Volume
{
    public string? Name { get; init; }

    public ConfigMapVolume? ConfigMap { get; init; }

    public EmptyDirVolume? EmptyDir { get; init; }
}

public sealed record ConfigMapVolume
{
    public string? Name { get; init; }
}

public sealed record EmptyDirVolume
{
    public string? Medium { get; init; }
}
