using System.Collections.Immutable;
using System.Globalization;
using Kaito.Core.Catalog;
using Kaito.Core.Hardware;

namespace Kaito.Core.Sizing;

/// <summary>The fixed numbers of the estimate; <see cref="Default"/> is upstream's.</summary>
public sealed record SizingPolicy
{
    /// <summary>Upstream's numbers.</summary>
    public static SizingPolicy Default { get; } = new();

    /// <summary>Share of a GPU's memory that the engine may use.</summary>
    public double Utilization { get; init; } = 0.84;

    /// <summary>Weights in memory over weights on disk.</summary>
    public double WeightExpansion { get; init; } = 1.02;

    /// <summary>Memory of each GPU that neither weights nor cache get, in GiB.</summary>
    public double ReserveGi { get; init; } = 2.3;

    /// <summary>What the engine needs over its share of the weights.</summary>
    public double WeightOverhead { get; init; } = 1.05;

    /// <summary>Context that must fit when the user names none, in tokens.</summary>
    public int ContextTokens { get; init; } = 2048;
}

/// <summary>How many nodes a model needs.</summary>
/// <param name="Nodes">At least 1.</param>
/// <param name="Gpus">GPUs that the model needs, at least 1; the nodes have that many or more.</param>
public sealed record GpuSize(int Nodes, int Gpus);

/// <summary>Bytes in, nodes out.</summary>
public static class GpuSizing
{
    private const string Path = "resource.instanceType";

    /// <summary>The least number of nodes whose GPUs hold the weights, and the cache of one context.</summary>
    /// <param name="model">The model.</param>
    /// <param name="shape">GPUs of one node.</param>
    /// <param name="contextTokens">Context that must fit, in tokens; <see langword="null"/> for the policy's.</param>
    /// <param name="policy">The fixed numbers.</param>
    /// <returns>
    /// Or one error at <c>resource.instanceType</c>: <c>gpu-too-small</c>, <c>mig-slice-too-small</c>.
    /// </returns>
    public static Validated<GpuSize> Size(ModelPreset model, GpuShape shape, int? contextTokens, SizingPolicy policy)
    {
        var available = shape.MemoryPerGpu.Bytes * policy.Utilization;
        var weights = model.Weights.Bytes * policy.WeightExpansion;
        var cache = (double)(contextTokens ?? policy.ContextTokens) * model.BytesPerToken.Bytes / shape.Gpus;
        var reserve = (policy.ReserveGi * ByteSize.FromGi(1).Bytes) + cache;
        if (available <= reserve)
        {
            return Error(
                "gpu-too-small",
                $"{shape.MemoryPerGpu} per GPU is too small for {model.Repository}: {Gi(reserve)} go to the engine "
                + $"and the cache, and {Gi(available)} are usable. Choose GPUs with more memory or a shorter context.");
        }

        var perGpu = (available - reserve) / policy.WeightOverhead;
        var gpus = (int)Math.Min(int.MaxValue - shape.Gpus, Math.Floor(weights / perGpu) + 1);
        var nodes = (gpus + shape.Gpus - 1) / shape.Gpus;
        return nodes > 1 && shape.IsMigSlice
            ? Error("mig-slice-too-small", SliceTooSmall(model, shape, weights, reserve, available))
            : new GpuSize(nodes, gpus);
    }

    private static string SliceTooSmall(
        ModelPreset model, GpuShape shape, double weights, double reserve, double available)
    {
        var overhead = reserve + (0.05 * weights);
        return $"{model.Repository} needs {Gi(weights + overhead)} (weights {Gi(weights)}, overhead {Gi(overhead)}) "
            + $"but the MIG slice has {shape.Memory} ({Gi(available)} usable), and a model cannot span slices. Choose "
            + "a larger profile.";
    }

    private static Validated<GpuSize> Error(string code, string message) =>
        ImmutableArray.Create(new FieldError(Path, code, message));

    private static string Gi(double bytes) =>
        (bytes / ByteSize.FromGi(1).Bytes).ToString("0.0", CultureInfo.InvariantCulture) + "Gi";
}
