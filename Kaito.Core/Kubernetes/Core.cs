// The names and meanings are those of the core v1 API.
#pragma warning disable CS1591
using System.Collections.Immutable;

namespace Kaito.Core.Kubernetes;

/// <summary>A machine. Cluster-wide.</summary>
public sealed record Node : IKubeObject
{
    public string ApiVersion => "v1";

    public string Kind => "Node";

    public ObjectMeta Metadata { get; init; } = new();

    public NodeStatus? Status { get; init; }
}

public sealed record NodeStatus
{
    public ImmutableSortedDictionary<string, string>? Capacity { get; init; }

    public ImmutableArray<StatusCondition>? Conditions { get; init; }
}

/// <summary>A stable name and address for pods.</summary>
public sealed record Service : IKubeObject
{
    public string ApiVersion => "v1";

    public string Kind => "Service";

    public ObjectMeta Metadata { get; init; } = new();

    public ServiceSpec? Spec { get; init; }
}

public sealed record ServiceSpec
{
    public string? Type { get; init; }

    /// <summary><c>None</c> for a headless service.</summary>
    public string? ClusterIP { get; init; }

    public ImmutableSortedDictionary<string, string>? Selector { get; init; }

    public ImmutableArray<ServicePort>? Ports { get; init; }

    public bool? PublishNotReadyAddresses { get; init; }
}

public sealed record ServicePort
{
    public string? Name { get; init; }

    public string? Protocol { get; init; }

    public int Port { get; init; }

    public int? TargetPort { get; init; }
}

/// <summary>Files and values for pods.</summary>
public sealed record ConfigMap : IKubeObject
{
    public string ApiVersion => "v1";

    public string Kind => "ConfigMap";

    public ObjectMeta Metadata { get; init; } = new();

    public ImmutableSortedDictionary<string, string>? Data { get; init; }
}

/// <summary>Something that happened to an object, for people.</summary>
public sealed record KubeEvent : IKubeObject
{
    public string ApiVersion => "v1";

    public string Kind => "Event";

    public ObjectMeta Metadata { get; init; } = new();

    public ObjectReference? InvolvedObject { get; init; }

    public string? Reason { get; init; }

    public string? Message { get; init; }

    /// <summary><c>Normal</c> or <c>Warning</c>.</summary>
    public string? Type { get; init; }

    public EventSource? Source { get; init; }

    public DateTimeOffset? FirstTimestamp { get; init; }

    public DateTimeOffset? LastTimestamp { get; init; }

    public int? Count { get; init; }
}

public sealed record EventSource
{
    public string? Component { get; init; }
}

public sealed record ObjectReference
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public string? Namespace { get; init; }

    public string? Name { get; init; }

    public string? Uid { get; init; }
}
