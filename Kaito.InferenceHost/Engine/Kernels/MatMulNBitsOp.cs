using System.Runtime.InteropServices;
using SessionOptions = Microsoft.ML.OnnxRuntime.SessionOptions;

namespace Kaito.InferenceHost.Engine.Kernels;

/// <summary>
/// <see cref="BlockProduct"/> as ONNX Runtime's operator com.microsoft.MatMulNBits. It takes what most int4 models hold:
/// three inputs (rows, codes, scales) in 32 bits, whose products may be computed in 8 (accuracy_level 4). A session with
/// any other MatMulNBits is not created.
/// </summary>
internal static unsafe class MatMulNBitsOp
{
    private const int Float = 1;
    private const int UInt8 = 2;
    private const int AccuracyInt8 = 4;
    private const int MaxRank = 8;

    // A block of a row lies on the stack while it is rounded; larger ones would come from a broken model only.
    private const int MostBlock = 256;

    [ThreadStatic]
    private static int s_created;

    private static readonly nint s_name = Marshal.StringToCoTaskMemUTF8("MatMulNBits");

    // Sessions refer to it until the process ends.
    private static readonly Lazy<nint> s_domain = new(() => OrtApi.CreateDomain("com.microsoft\0"u8, Describe()));

    /// <summary>Kernels that sessions created on this thread so far.</summary>
    public static int Created => s_created;

    /// <summary>Lets the sessions of <paramref name="options"/> use this kernel instead of ONNX Runtime's.</summary>
    public static void AddTo(SessionOptions options)
    {
        OrtApi.AddDomain(options.DangerousGetHandle(), s_domain.Value);
        GC.KeepAlive(options);
    }

    private static nint Describe()
    {
        var op = (CustomOp*)NativeMemory.AllocZeroed((nuint)sizeof(CustomOp));
        op->Version = OrtApi.Version;
        op->GetName = &Name;
        op->GetExecutionProviderType = &AnyProvider;
        op->GetInputType = &InputType;
        op->GetInputTypeCount = &InputCount;
        op->GetOutputType = &OutputType;
        op->GetOutputTypeCount = &OutputCount;
        op->GetInputCharacteristic = &Required;
        op->GetOutputCharacteristic = &Required;
        op->GetInputMemoryType = &DefaultMemory;
        op->CreateKernelV2 = &Create;
        op->KernelComputeV2 = &Compute;
        op->KernelDestroy = &Destroy;
        op->GetStartVersion = &FirstVersion;
        op->GetEndVersion = &LastVersion;
        return (nint)op;
    }

    [UnmanagedCallersOnly]
    private static nint Create(void* op, nint api, nint info, PackedWeights** kernel)
    {
        try
        {
            var (width, outputs) = ((int)OrtApi.Attribute(info, "K\0"u8), (int)OrtApi.Attribute(info, "N\0"u8));
            var (bits, block) = (OrtApi.Attribute(info, "bits\0"u8), (int)OrtApi.Attribute(info, "block_size\0"u8));
            var accuracy = OrtApi.Attribute(info, "accuracy_level\0"u8);
            if (bits != 4 || accuracy != AccuracyInt8 || block is < 1 or > MostBlock
                || block % PackedWeights.UnitInputs != 0)
            {
                return OrtApi.Failure($"{bits} bits in blocks of {block} at accuracy level {accuracy}");
            }

            var codes = OrtApi.Constant<byte>(info, 1);
            var scales = OrtApi.Constant<float>(info, 2);
            var blocks = (long)outputs * ((width + block - 1) / block);
            if (width < 1 || outputs < 1 || codes.Length != blocks * (block / 2) || scales.Length != blocks)
            {
                return OrtApi.Failure($"{codes.Length} codes and {scales.Length} scales for {outputs} x {width} weights");
            }

            *kernel = PackedWeights.Pack(codes, scales, width, outputs, block);
            Pages.Release(codes);
            s_created++;
            return 0;
        }
        catch (Exception e)
        {
            // Native code cannot catch it.
            return OrtApi.Failure(e.Message);
        }
    }

    [UnmanagedCallersOnly]
    private static nint Compute(PackedWeights* kernel, nint context)
    {
        try
        {
            Span<long> shape = stackalloc long[MaxRank];
            var input = OrtApi.Input(context, 0, shape, out var rank);
            shape = shape[..rank];
            if (rank == 0 || shape[^1] != kernel->Width)
            {
                return OrtApi.Failure($"rows end with {(rank == 0 ? 0 : shape[^1])} numbers, not with {kernel->Width}");
            }

            var rows = 1L;
            foreach (var dimension in shape[..^1])
            {
                rows *= dimension;
            }

            shape[^1] = kernel->Outputs;
            var output = OrtApi.Output(context, 0, shape);
            BlockProduct.Multiply(kernel, input, checked((int)rows), output, new(context));
            return 0;
        }
        catch (Exception e)
        {
            // Native code cannot catch it.
            return OrtApi.Failure(e.Message);
        }
    }

    [UnmanagedCallersOnly]
    private static void Destroy(PackedWeights* kernel) => PackedWeights.Free(kernel);

    [UnmanagedCallersOnly]
    private static nint Name(void* op) => s_name;

    // Null is the CPU.
    [UnmanagedCallersOnly]
    private static nint AnyProvider(void* op) => 0;

    [UnmanagedCallersOnly]
    private static int InputType(void* op, nuint index) => index == 1 ? UInt8 : Float;

    [UnmanagedCallersOnly]
    private static nuint InputCount(void* op) => 3;

    [UnmanagedCallersOnly]
    private static int OutputType(void* op, nuint index) => Float;

    [UnmanagedCallersOnly]
    private static nuint OutputCount(void* op) => 1;

    [UnmanagedCallersOnly]
    private static int Required(void* op, nuint index) => 0;

    [UnmanagedCallersOnly]
    private static int DefaultMemory(void* op, nuint index) => 0;

    [UnmanagedCallersOnly]
    private static int FirstVersion(void* op) => 1;

    [UnmanagedCallersOnly]
    private static int LastVersion(void* op) => int.MaxValue;

    // OrtCustomOp of onnxruntime_c_api.h, as of OrtApi.Version.
    [StructLayout(LayoutKind.Sequential)]
    private struct CustomOp
    {
        public uint Version;
        public nint CreateKernel;
        public delegate* unmanaged<void*, nint> GetName;
        public delegate* unmanaged<void*, nint> GetExecutionProviderType;
        public delegate* unmanaged<void*, nuint, int> GetInputType;
        public delegate* unmanaged<void*, nuint> GetInputTypeCount;
        public delegate* unmanaged<void*, nuint, int> GetOutputType;
        public delegate* unmanaged<void*, nuint> GetOutputTypeCount;
        public nint KernelCompute;
        public delegate* unmanaged<PackedWeights*, void> KernelDestroy;
        public delegate* unmanaged<void*, nuint, int> GetInputCharacteristic;
        public delegate* unmanaged<void*, nuint, int> GetOutputCharacteristic;
        public delegate* unmanaged<void*, nuint, int> GetInputMemoryType;
        public nint GetVariadicInputMinArity;
        public nint GetVariadicInputHomogeneity;
        public nint GetVariadicOutputMinArity;
        public nint GetVariadicOutputHomogeneity;
        public delegate* unmanaged<void*, nint, nint, PackedWeights**, nint> CreateKernelV2;
        public delegate* unmanaged<PackedWeights*, nint, nint> KernelComputeV2;
        public nint InferOutputShape;
        public delegate* unmanaged<void*, int> GetStartVersion;
        public delegate* unmanaged<void*, int> GetEndVersion;
    }
}
