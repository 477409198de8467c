namespace Kaito.InferenceHost.Engine.Kernels;

/// <summary>What multiplies 4-bit weights on the processor.</summary>
internal enum MatMulKernel
{
    /// <summary><see cref="BlockProduct"/> where machine and model suit it, else ONNX Runtime.</summary>
    Auto,

    OnnxRuntime,
}
