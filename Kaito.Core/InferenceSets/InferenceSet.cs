using System.Collections.Immutable;
using Kaito.Core.Api;

namespace Kaito.Core.InferenceSets;

/// <summary>An InferenceSet that passed every check. Only <see cref="InferenceSetParser"/> makes one.</summary>
public sealed record InferenceSet
{
    /// <summary>An RFC 1123 label.</summary>
    public required string Name { get; init; }

    /// <summary>Namespace of the set and of its Workspaces.</summary>
    public required string Namespace { get; init; }

    /// <summary>The object's uid; empty when it was not read from a cluster.</summary>
    public string Uid { get; init; } = "";

    /// <summary>The generation that was parsed; 0 when it was not read from a cluster.</summary>
    public long Generation { get; init; }

    /// <summary>Workspaces to have, at least 0.</summary>
    public required int Replicas { get; init; }

    /// <summary>Most Workspaces that may be missing or new at once while an edited template is rolled out, at least 1.</summary>
    public required int MaxUnavailable { get; init; }

    /// <summary>Replaced Workspaces are only replaced when the user deletes them.</summary>
    public bool OnDelete { get; init; }

    /// <summary>What each Workspace is made from: a Workspace without a name.</summary>
    public required WorkspaceResource Template { get; init; }

    /// <summary>
    /// Nodes of one Workspace, at least 1; <see langword="null"/> while nobody knows how large the model is.
    /// </summary>
    public required int? NodesPerReplica { get; init; }

    /// <summary>Most nodes of the set; <see langword="null"/> for no limit.</summary>
    public int? NodeLimit { get; init; }

    /// <summary>When replicas move to a newer base image; <see langword="null"/> for never.</summary>
    public AutoUpgrade? AutoUpgrade { get; init; }

    /// <summary>How the operator sets the number of replicas; <see langword="null"/> when others do.</summary>
    public Autoscaling? Autoscaling { get; init; }

    /// <summary>Sentences about what was accepted and has no effect, for the user to read.</summary>
    public ImmutableArray<string> Warnings { get; init; } = [];
}

/// <summary>How replicas move to a newer base image.</summary>
/// <param name="Surge">A successor is ready before a replica goes.</param>
/// <param name="Schedule">When a window opens; <see langword="null"/> for at any time.</param>
/// <param name="Duration">How long it stays open.</param>
public sealed record AutoUpgrade(bool Surge, CronSchedule? Schedule, TimeSpan Duration);

/// <summary>How the number of replicas follows from what they have to do.</summary>
/// <param name="Min">Fewest replicas, at least 0.</param>
/// <param name="Max">Most replicas, at least 1 and <paramref name="Min"/>.</param>
/// <param name="Requests">
/// Requests that one replica shall have at a time; <see langword="null"/> when they do not count.
/// </param>
/// <param name="TokensPerSecond">
/// Tokens that one replica shall generate in a second; <see langword="null"/> when they do not count.
/// </param>
/// <param name="ScaleDownDelay">How long fewer replicas must have been enough.</param>
public sealed record Autoscaling(int Min, int Max, int? Requests, int? TokensPerSecond, TimeSpan ScaleDownDelay);
