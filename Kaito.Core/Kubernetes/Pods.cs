// The names and meanings are those of the core v1 API.
#pragma warning disable CS1591
using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
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

    public string? PodIP { get; init; }

    public ImmutableArray<StatusCondition>? Conditions { get; init; }

    public ImmutableArray<ContainerStatus>? InitContainerStatuses { get; init; }

    public ImmutableArray<ContainerStatus>? ContainerStatuses { get; init; }
}

public sealed record ContainerStatus
{
    public string? Name { get; init; }

    public int RestartCount { get; init; }

    public bool Ready { get; init; }

    /// <summary>Whether the startup probe has succeeded, or there is none; null before the container runs.</summary>
    public bool? Started { get; init; }

    public ContainerState? State { get; init; }

    public ContainerState? LastState { get; init; }
}

public sealed record ContainerState
{
    public ContainerStateReason? Running { get; init; }

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

    /// <summary>
    /// A template of somebody else with members that these records do not know; written in place of the others.
    /// </summary>
    [JsonIgnore]
    public JsonObject? Verbatim { get; init; }
}

/// <summary>Reads the members that the record knows; writes <see cref="PodTemplate.Verbatim"/> if it is there.</summary>
internal sealed class PodTemplateConverter : JsonConverter<PodTemplate>
{
    public override PodTemplate? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var whole = JsonNode.Parse(ref reader);
        try
        {
            return whole.Deserialize(KubeJson.Default.PodTemplate);
        }
        catch (JsonException) when (whole is JsonObject template)
        {
            // Kubernetes allows more than our records hold, such as the name of a port for its number.
            return new() { Verbatim = template };
        }
    }

    public override void Write(Utf8JsonWriter writer, PodTemplate value, JsonSerializerOptions options)
    {
        if (value.Verbatim is { } template)
        {
            template.WriteTo(writer);
        }
        else
        {
            JsonSerializer.Serialize(writer, value, KubeJson.Default.PodTemplate);
        }
    }
}

/// <summary>Names an object of the same namespace.</summary>
public sealed record LocalReference
{
    public string? Name { get; init; }
}

public sealed record PodSecurityContext
{
    public bool? RunAsNonRoot { get; init; }

    public long? RunAsUser { get; init; }

    public long? RunAsGroup { get; init; }

    public long? FsGroup { get; init; }

    public SeccompProfile? SeccompProfile { get; init; }
}

public sealed record SeccompProfile
{
    public string? Type { get; init; }
}

public sealed record ContainerSecurityContext
{
    public bool? AllowPrivilegeEscalation { get; init; }

    public Capabilities? Capabilities { get; init; }
}

public sealed record Capabilities
{
    public ImmutableArray<string>? Drop { get; init; }
}

public sealed record PodSpec
{
    public Affinity? Affinity { get; init; }

    public ImmutableArray<Toleration>? Tolerations { get; init; }

    public ImmutableArray<LocalReference>? ImagePullSecrets { get; init; }

    /// <summary><c>Always</c>, <c>OnFailure</c> or <c>Never</c>.</summary>
    public string? RestartPolicy { get; init; }

    public int? TerminationGracePeriodSeconds { get; init; }

    public PodSecurityContext? SecurityContext { get; init; }

    public ImmutableArray<Container>? InitContainers { get; init; }

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

    public ImmutableArray<NodeSelectorRequirement>? MatchFields { get; init; }
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

    public ImmutableArray<string>? Command { get; init; }

    public ImmutableArray<string>? Args { get; init; }

    public ImmutableArray<EnvironmentVariable>? Env { get; init; }

    public ImmutableArray<ContainerPort>? Ports { get; init; }

    public ResourceRequirements? Resources { get; init; }

    public Probe? StartupProbe { get; init; }

    public Probe? LivenessProbe { get; init; }

    public Probe? ReadinessProbe { get; init; }

    public ImmutableArray<VolumeMount>? VolumeMounts { get; init; }

    public ContainerSecurityContext? SecurityContext { get; init; }

    /// <summary><c>FallbackToLogsOnError</c>: the end of the log says why the container failed.</summary>
    public string? TerminationMessagePolicy { get; init; }
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

    public PodField? FieldRef { get; init; }
}

/// <summary>A field of the pod, e.g. <c>status.podIP</c>.</summary>
public sealed record PodField
{
    public string? FieldPath { get; init; }
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
    public ExecAction? Exec { get; init; }

    public HttpGetAction? HttpGet { get; init; }

    public int? InitialDelaySeconds { get; init; }

    public int? PeriodSeconds { get; init; }

    public int? TimeoutSeconds { get; init; }

    public int? FailureThreshold { get; init; }

    public int? TerminationGracePeriodSeconds { get; init; }
}

public sealed record ExecAction
{
    public ImmutableArray<string>? Command { get; init; }
}

public sealed record HttpGetAction
{
    public string? Path { get; init; }

    public int Port { get; init; }
}
