using System.Collections.Immutable;

namespace Kaito.Core.Kubernetes;

/// <summary>The metadata that every Kubernetes object carries; absent members are <see langword="null"/>.</summary>
public sealed record ObjectMeta
{
    /// <summary>Unique within the namespace (or the cluster, for cluster-wide kinds) and the kind.</summary>
    public string? Name { get; init; }

    /// <summary>Prefix of a name that the API server completes.</summary>
    public string? GenerateName { get; init; }

    /// <summary><see langword="null"/> for cluster-wide kinds.</summary>
    public string? Namespace { get; init; }

    /// <summary>Unique in time and space; assigned by the API server.</summary>
    public string? Uid { get; init; }

    /// <summary>Opaque version for optimistic concurrency; changes on every write.</summary>
    public string? ResourceVersion { get; init; }

    /// <summary>Counts the writes of the desired state, from 1.</summary>
    public long? Generation { get; init; }

    /// <summary>What selectors match.</summary>
    public ImmutableSortedDictionary<string, string>? Labels { get; init; }

    /// <summary>What selectors do not match.</summary>
    public ImmutableSortedDictionary<string, string>? Annotations { get; init; }

    /// <summary>Objects whose deletion deletes this one.</summary>
    public ImmutableArray<OwnerReference>? OwnerReferences { get; init; }

    /// <summary>Keys that must go before the object does.</summary>
    public ImmutableArray<string>? Finalizers { get; init; }

    /// <summary>When the API server created the object.</summary>
    public DateTimeOffset? CreationTimestamp { get; init; }

    /// <summary>Set once deletion was asked for.</summary>
    public DateTimeOffset? DeletionTimestamp { get; init; }
}

/// <summary>Points from a dependent to its owner.</summary>
public sealed record OwnerReference
{
    /// <summary>Group and version, e.g. <c>kaito.sh/v1beta1</c>.</summary>
    public required string ApiVersion { get; init; }

    /// <summary>The owner's kind.</summary>
    public required string Kind { get; init; }

    /// <summary>The owner's name, in the dependent's namespace.</summary>
    public required string Name { get; init; }

    /// <summary>The owner's uid; an owner of another uid is another object.</summary>
    public required string Uid { get; init; }

    /// <summary>At most one reference of an object is the managing one.</summary>
    public bool? Controller { get; init; }

    /// <summary>Foreground deletion of the owner waits for this dependent.</summary>
    public bool? BlockOwnerDeletion { get; init; }
}
