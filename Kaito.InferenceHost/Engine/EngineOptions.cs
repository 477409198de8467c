using Kaito.InferenceHost.Engine.Kernels;

namespace Kaito.InferenceHost.Engine;

/// <summary>How much of the machine one engine may use.</summary>
internal sealed record EngineOptions
{
    /// <summary>What computes. Default: what the host was built for.</summary>
    public Accelerator Accelerator { get; init; } = Accelerators.OfBuild;

    /// <summary>What multiplies 4-bit weights on the processor.</summary>
    public MatMulKernel Kernel { get; init; }

    /// <summary>Sequences that run together. Default 16.</summary>
    public int MaxSequences { get; init; } = 16;

    /// <summary>Prompt tokens per step. Default 128: how much of a prompt the others wait for.</summary>
    public int PrefillTokens { get; init; } = 128;

    /// <summary>
    /// Share of the time that long prompts may take while others are answered. Default a third; from 1 on, answers wait.
    /// </summary>
    public double PrefillShare { get; init; } = 1.0 / 3;

    /// <summary>Guesses the next tokens of a sequence that is alone; null, the default, not to.</summary>
    public SpeculationOptions? Speculation { get; init; }

    /// <summary>Threads of one native run. Default: every core, less one for the web server beyond four.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount - (Environment.ProcessorCount > 4 ? 1 : 0);

    /// <summary>Most bytes of key/value cache of running sequences. Default: half of the memory.</summary>
    public long CacheBytes { get; init; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2;

    /// <summary>Most bytes kept of finished sequences, for prompts that start alike. Default: an eighth.</summary>
    public long PrefixBytes { get; init; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 8;
}
