using System.Reflection;
using Microsoft.ML.OnnxRuntime;
using SessionOptions = Microsoft.ML.OnnxRuntime.SessionOptions;

namespace Kaito.InferenceHost.Engine;

/// <summary>What computes.</summary>
internal enum Accelerator
{
    Cpu,

    /// <summary>The first CUDA device. Unverified: no machine with one has run it.</summary>
    Cuda,
}

/// <summary>The accelerator that this build is for, and how it is set up.</summary>
internal static class Accelerators
{
    /// <summary>As <c>KaitoAccelerator</c> said when the host was built.</summary>
    public static Accelerator OfBuild { get; } = typeof(Accelerators).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>()
        .Any(static said => said is { Key: "KaitoAccelerator", Value: "cuda" })
        ? Accelerator.Cuda
        : Accelerator.Cpu;

    /// <exception cref="EngineException">The accelerator is not in this build or not in this machine.</exception>
    public static void Enable(this SessionOptions options, Accelerator accelerator)
    {
        if (accelerator == Accelerator.Cpu)
        {
            return;
        }

        try
        {
            options.AppendExecutionProvider_CUDA(0);
        }
        catch (Exception missing) when (
            missing is OnnxRuntimeException or EntryPointNotFoundException or DllNotFoundException)
        {
            throw new EngineException(
                $"CUDA cannot be used ({missing.Message.ReplaceLineEndings(" ")}). Build the host with KaitoFullFeed=true and "
                + "KaitoAccelerator=cuda and run it on a node with a driver, or start it with --device cpu.", missing);
        }
    }

    /// <summary>Where keys and values lie.</summary>
    public static IKvMemory KvMemory(this Accelerator accelerator) =>
        accelerator == Accelerator.Cuda ? new CudaKvMemory() : new HostKvMemory();
}
