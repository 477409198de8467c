using System.Collections.Immutable;
using System.Globalization;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;

namespace Kaito.Operator.Nodes;

/// <summary>What to ask for, what to give back, how far it has come, and where pods may run.</summary>
internal sealed record NodePlan
{
    /// <summary>NodeClaims and NodePools to make or to change.</summary>
    public ImmutableArray<IKubeObject> Missing { get; init; } = [];

    /// <summary>NodeClaims and NodePools that the owner no longer needs.</summary>
    public ImmutableArray<IKubeObject> Surplus { get; init; } = [];

    /// <summary>Nodes that lack the label that says their GPUs work.</summary>
    public ImmutableArray<Node> Unmarked { get; init; } = [];

    /// <summary>The nodes that count for the owner, ready or not.</summary>
    public required ImmutableArray<Node> Nodes { get; init; }

    public required ImmutableArray<Condition> Conditions { get; init; }

    /// <summary>What a pod of the owner says so that it runs on these nodes.</summary>
    public required PodPlacement Placement { get; init; }

    /// <summary>What people want to know of it.</summary>
    public ImmutableArray<Occurrence> Events { get; init; } = [];

    public bool Ready => Conditions.All(static c => c.Status == Condition.True);
}

/// <summary>Where a pod runs, and what it takes of the node.</summary>
internal sealed record PodPlacement
{
    /// <summary>Resource of whole NVIDIA GPUs.</summary>
    public const string Gpu = "nvidia.com/gpu";

    /// <summary>One of them must hold for the node; empty when any node does.</summary>
    public required ImmutableArray<NodeSelectorTerm> Terms { get; init; }

    /// <summary><c>nvidia.com/gpu</c>, or <c>nvidia.com/mig-</c> and the profile.</summary>
    public required string GpuResource { get; init; }

    /// <summary>GPUs, or slices of one, of each pod; 0 for a pod without.</summary>
    public required int Gpus { get; init; }

    /// <summary>Null when any node will do.</summary>
    public Affinity? Affinity => Terms.IsEmpty
        ? null
        : new()
        {
            NodeAffinity = new()
            {
                RequiredDuringSchedulingIgnoredDuringExecution = new() { NodeSelectorTerms = Terms },
            },
        };

    /// <summary>Requests and limits of the container that has the GPUs.</summary>
    public ResourceRequirements Resources
    {
        get
        {
            var gpus = ImmutableSortedDictionary<string, string>.Empty;
            gpus = Gpus == 0 ? gpus : gpus.Add(GpuResource, Gpus.ToString(CultureInfo.InvariantCulture));
            return new() { Requests = gpus, Limits = gpus };
        }
    }
}
