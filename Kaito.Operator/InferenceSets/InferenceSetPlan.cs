using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Operator.Cluster;

namespace Kaito.Operator.InferenceSets;

/// <summary>What should be: the Workspaces of a set, and what its status says.</summary>
internal sealed record InferenceSetPlan
{
    /// <summary>Workspaces to create, or to bring to the set's template.</summary>
    public ImmutableArray<WorkspaceResource> Apply { get; init; } = [];

    /// <summary>Workspaces to delete.</summary>
    public ImmutableArray<WorkspaceResource> Delete { get; init; } = [];

    /// <summary>The Workspace that shall move to a newer image where it runs, and the image's tag.</summary>
    public (WorkspaceResource Workspace, string Tag)? Upgrade { get; init; }

    /// <summary>Workspaces on an older image; null when nobody asked for upgrades.</summary>
    public int? Drifted { get; init; }

    /// <summary>Replicas that the set asks for, after its limit of nodes.</summary>
    public int Replicas { get; init; }

    public int ReadyReplicas { get; init; }

    /// <summary>Without generation and time, which the writer adds.</summary>
    public ImmutableArray<Condition> Conditions { get; init; } = [];

    public PerformanceStatus? Performance { get; init; }

    public ImmutableArray<Occurrence> Events { get; init; } = [];
}
