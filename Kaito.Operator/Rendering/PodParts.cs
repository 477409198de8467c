using System.Collections.Immutable;
using Kaito.Core.Kubernetes;
using Kaito.Core.Workspaces;
using Kaito.Operator.Nodes;

namespace Kaito.Operator.Rendering;

/// <summary>PURE: what the pods of every workload of a Workspace have.</summary>
internal static class PodParts
{
    private static readonly ImmutableArray<Toleration> s_gpuNodes =
    [
        new() { Effect = "NoSchedule", Operator = "Exists", Key = PodPlacement.Gpu },
        new() { Effect = "NoSchedule", Operator = "Equal", Key = "sku", Value = "gpu" },
        new() { Effect = "NoSchedule", Operator = "Equal", Key = "kubernetes.azure.com/scalesetpriority", Value = "spot" },
    ];

    /// <summary>The taints of GPU nodes that the pods do not mind.</summary>
    public static ImmutableArray<Toleration> Tolerations(PodPlacement placement) =>
        placement.GpuResource == PodPlacement.Gpu
            ? s_gpuNodes
            : [.. s_gpuNodes, new() { Effect = "NoSchedule", Operator = "Exists", Key = placement.GpuResource }];

    /// <summary>The labels by which a Workspace's pods are found.</summary>
    public static ImmutableSortedDictionary<string, string> Labels(Workspace workspace) =>
        Owned.Selector(workspace).SetItems(workspace.InheritedLabels);
}
