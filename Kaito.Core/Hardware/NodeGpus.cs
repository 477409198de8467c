using System.Collections.Immutable;
using System.Globalization;

namespace Kaito.Core.Hardware;

/// <summary>What the labels of GPU feature discovery say about the GPUs of nodes.</summary>
internal static class NodeGpus
{
    public const string Product = "nvidia.com/gpu.product";
    public const string Count = "nvidia.com/gpu.count";
    public const string Memory = "nvidia.com/gpu.memory";

    /// <summary>
    /// What every node has; <see langword="null"/> with a sentence when a node does not tell it or they differ, and
    /// without when there is no node that could.
    /// </summary>
    public static GpuSku? Read(IEnumerable<ExistingNode> nodes, out string? problem)
    {
        (GpuSku Sku, string Node)? first = null;
        foreach (var node in nodes.OrderBy(static n => n.Name, StringComparer.Ordinal))
        {
            if (Read(node, out problem) is not { } sku)
            {
                // Its feature discovery may not run yet; a node that takes pods has had the time.
                if (node.Ready)
                {
                    return null;
                }

                continue;
            }

            first ??= (sku, node.Name);
            if (Difference(first.Value.Sku, sku) is { } difference)
            {
                problem = $"The GPUs of the nodes are not alike: node {node.Name} has {difference}, unlike node "
                    + $"{first.Value.Node}. Select nodes of one kind with resource.labelSelector.";
                return null;
            }
        }

        problem = null;
        return first?.Sku;
    }

    private static GpuSku? Read(ExistingNode node, out string? problem)
    {
        var labels = node.Labels;
        var product = labels.GetValueOrDefault(Product);
        problem = string.IsNullOrEmpty(product) ? Missing(node, Product) : null;
        if (Number(node, Count, ref problem) is not { } count || Number(node, Memory, ref problem) is not { } mib
            || problem is not null)
        {
            return null;
        }

        // Labels tell MiB without what the driver keeps: 81559 is a GPU of 80 GiB.
        var gib = Math.Floor((mib / 1024.0) + 0.5);
        return new()
        {
            Name = product!,
            GpuModel = product!,
            Gpus = count,
            GpuMemory = ByteSize.FromGi(gib * count),
            ComputeCapability = Capability(labels),
        };
    }

    private static int? Number(ExistingNode node, string label, ref string? problem)
    {
        var text = node.Labels.GetValueOrDefault(label);
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0)
        {
            return number;
        }

        problem ??= string.IsNullOrEmpty(text)
            ? Missing(node, label)
            : $"Node {node.Name} has the label {label}={text}, which is not a whole number above 0. Correct it, or let GPU "
                + "feature discovery write it.";
        return null;
    }

    private static string Missing(ExistingNode node, string label) =>
        $"Node {node.Name} lacks the label {label}, which tells its GPUs. Install NVIDIA GPU feature discovery, label the "
        + "node, or select other nodes with resource.labelSelector.";

    private static string? Difference(GpuSku first, GpuSku next) => (first, next) switch
    {
        _ when first.GpuModel != next.GpuModel => $"the GPU product {next.GpuModel}",
        _ when first.Gpus != next.Gpus => $"the GPU count {next.Gpus}",
        _ when first.GpuMemory != next.GpuMemory => $"GPU memory of {next.GpuMemory}",
        _ => null,
    };

    private static Version Capability(ImmutableSortedDictionary<string, string> labels) =>
        Version.TryParse(
            $"{labels.GetValueOrDefault("nvidia.com/cuda.compute.major")}."
            + labels.GetValueOrDefault("nvidia.com/cuda.compute.minor"),
            out var version)
            ? version
            : new(0, 0);
}
