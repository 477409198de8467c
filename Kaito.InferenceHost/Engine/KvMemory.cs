using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace Kaito.InferenceHost.Engine;

/// <summary>Where keys and values lie: the memory that the execution provider computes in.</summary>
internal interface IKvMemory
{
    /// <summary>For tensors over this memory.</summary>
    OrtMemoryInfo Place { get; }

    /// <summary>All zeros.</summary>
    /// <exception cref="OutOfMemoryException">The processor has no such memory.</exception>
    /// <exception cref="EngineException">The device has none.</exception>
    nint Allocate(nuint bytes);

    /// <param name="address">From <see cref="Allocate"/>, or 0.</param>
    void Free(nint address);

    /// <summary>From and to this memory or the processor's own; what overlaps is undefined.</summary>
    void Copy(nint from, nint to, long bytes);

    /// <summary>Call after copies: they are done when it returns.</summary>
    void Settle();
}

/// <summary>The processor's own.</summary>
internal sealed unsafe class HostKvMemory : IKvMemory
{
    public OrtMemoryInfo Place => OrtMemoryInfo.DefaultInstance;

    public nint Allocate(nuint bytes) => (nint)NativeMemory.AllocZeroed(bytes);

    public void Free(nint address) => NativeMemory.Free((void*)address);

    public void Copy(nint from, nint to, long bytes) => Buffer.MemoryCopy((void*)from, (void*)to, bytes, bytes);

    public void Settle()
    {
        // Copies are done at once.
    }
}

/// <summary>
/// Memory of the first CUDA device. Unverified: no machine with a device has run it; <see cref="Models.SelfTest"/> stands
/// between it and clients.
/// </summary>
internal sealed partial class CudaKvMemory : IKvMemory
{
    private const string Library = "libcudart.so.12";

    // The driver sees from the addresses which side they are on.
    private const int AnyDirection = 4;

    public OrtMemoryInfo Place { get; } =
        new(OrtMemoryInfo.allocatorCUDA, OrtAllocatorType.DeviceAllocator, 0, OrtMemType.Default);

    public nint Allocate(nuint bytes)
    {
        if (Reserve(out var address, bytes) != 0)
        {
            throw new EngineException($"The CUDA device has no {bytes} bytes for keys and values.");
        }

        Check(Fill(address, 0, bytes));
        return address;
    }

    public void Free(nint address)
    {
        if (address != 0)
        {
            Check(Release(address));
        }
    }

    public void Copy(nint from, nint to, long bytes) => Check(Copy(to, from, (nuint)bytes, AnyDirection));

    public void Settle() => Check(Synchronize());

    private static void Check(int error)
    {
        if (error != 0)
        {
            throw new EngineException($"CUDA reports error {error}.");
        }
    }

    [LibraryImport(Library, EntryPoint = "cudaMalloc")]
    private static partial int Reserve(out nint address, nuint bytes);

    [LibraryImport(Library, EntryPoint = "cudaMemset")]
    private static partial int Fill(nint address, int value, nuint bytes);

    [LibraryImport(Library, EntryPoint = "cudaFree")]
    private static partial int Release(nint address);

    [LibraryImport(Library, EntryPoint = "cudaMemcpy")]
    private static partial int Copy(nint to, nint from, nuint bytes, int direction);

    [LibraryImport(Library, EntryPoint = "cudaDeviceSynchronize")]
    private static partial int Synchronize();
}
