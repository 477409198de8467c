namespace Kaito.Core.Hardware;

/// <summary>The GPUs of one node, as far as sizing needs to know.</summary>
/// <param name="Gpus">Number of GPUs, at least 1.</param>
/// <param name="Memory">Memory of all of them together.</param>
/// <param name="IsMigSlice">One slice of a partitioned GPU: a model cannot span several of them.</param>
public readonly record struct GpuShape(int Gpus, ByteSize Memory, bool IsMigSlice = false)
{
    /// <summary>Memory of one GPU, in whole bytes.</summary>
    public ByteSize MemoryPerGpu => new(Memory.Bytes / Gpus);
}

/// <summary>An instance type of a cloud.</summary>
public sealed record GpuSku
{
    /// <summary>As the cloud writes it, e.g. <c>Standard_NC24ads_A100_v4</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Number of GPUs of the machine.</summary>
    public required int Gpus { get; init; }

    /// <summary>Memory of all GPUs of the machine together.</summary>
    public required ByteSize GpuMemory { get; init; }

    /// <summary>Maker and model, e.g. <c>NVIDIA A100</c>.</summary>
    public required string GpuModel { get; init; }

    /// <summary>The machine has local NVMe disks.</summary>
    public bool Nvme { get; init; }

    /// <summary>
    /// CUDA compute capability, e.g. 8.0; <see langword="null"/> where the accelerators are not NVIDIA's.
    /// </summary>
    public Version? ComputeCapability { get; init; }

    /// <summary>Older than upstream's current table (before Ampere); kept so that old manifests work.</summary>
    public bool Legacy { get; init; }

    /// <summary>What sizing needs.</summary>
    public GpuShape Shape => new(Gpus, GpuMemory);
}
