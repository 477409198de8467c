namespace Kaito.InferenceHost.Engine.Kernels;

/// <summary>The threads of one run of ONNX Runtime.</summary>
/// <param name="Context">Of the kernel's call, or 0: everything on the caller's thread.</param>
internal readonly unsafe record struct KernelThreads(nint Context)
{
    /// <summary>Calls <paramref name="body"/> with <paramref name="state"/> and each number below <paramref name="count"/>.</summary>
    /// <param name="body">Must not throw.</param>
    /// <param name="count">How often; whichever thread is free takes the next.</param>
    /// <param name="state">Of the caller.</param>
    /// <param name="together">Whether to stay on the caller's thread.</param>
    public void For(delegate* unmanaged<void*, nuint, void> body, int count, void* state, bool together)
    {
        if (!together && count > 1 && Context != 0)
        {
            OrtApi.ParallelFor(Context, body, count, state);
            return;
        }

        for (var index = 0; index < count; index++)
        {
            body(state, (nuint)index);
        }
    }
}
