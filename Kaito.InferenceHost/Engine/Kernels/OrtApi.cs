using System.Runtime.InteropServices;

namespace Kaito.InferenceHost.Engine.Kernels;

/// <summary>
/// Functions for kernels from ONNX Runtime's C interface (onnxruntime_c_api.h), which its C# binding leaves out. The
/// interface is a table that only ever grows at its end.
/// </summary>
internal static unsafe partial class OrtApi
{
    // Has all of the functions below, the youngest of which is ParallelFor.
    public const uint Version = 17;

    private const int Failed = 1;

    private static readonly nint* s_functions = ((ApiBase*)GetApiBase())->GetApi(Version);

    /// <summary>A status for native code that says what went wrong; native code frees it.</summary>
    public static nint Failure(string message)
    {
        var text = Marshal.StringToCoTaskMemUTF8(message);
        try
        {
            return ((delegate* unmanaged<int, nint, nint>)s_functions[0])(Failed, text);
        }
        finally
        {
            Marshal.FreeCoTaskMem(text);
        }
    }

    /// <summary>Offers an operator to the sessions of <paramref name="options"/>, before ONNX Runtime's own.</summary>
    /// <param name="options">OrtSessionOptions.</param>
    /// <param name="domain">Of <see cref="CreateDomain"/>.</param>
    public static void AddDomain(nint options, nint domain) =>
        Check(((delegate* unmanaged<nint, nint, nint>)s_functions[28])(options, domain));

    /// <summary>A domain with one operator; both must outlive every session.</summary>
    public static nint CreateDomain(ReadOnlySpan<byte> name, nint op)
    {
        nint domain;
        fixed (byte* text = name)
        {
            Check(((delegate* unmanaged<byte*, nint*, nint>)s_functions[26])(text, &domain));
        }

        Check(((delegate* unmanaged<nint, nint, nint>)s_functions[27])(domain, op));
        return domain;
    }

    public static long Attribute(nint info, ReadOnlySpan<byte> name)
    {
        long value;
        fixed (byte* text = name)
        {
            Check(((delegate* unmanaged<nint, byte*, long*, nint>)s_functions[86])(info, text, &value));
        }

        return value;
    }

    /// <summary>An input that is the same in every call.</summary>
    /// <exception cref="EngineException">It is not.</exception>
    public static ReadOnlySpan<T> Constant<T>(nint info, int index)
        where T : unmanaged
    {
        int constant;
        nint tensor;
        Check(((delegate* unmanaged<nint, nuint, int*, nint*, nint>)s_functions[249])(
            info, (nuint)index, &constant, &tensor));
        if (constant == 0)
        {
            throw new EngineException($"Input {index} is computed.");
        }

        return new(Data(tensor), checked((int)Elements(tensor)));
    }

    /// <param name="context">Of the kernel's call.</param>
    /// <param name="index">Of the input.</param>
    /// <param name="shape">Receives the dimensions.</param>
    /// <param name="rank">How many there are.</param>
    /// <exception cref="EngineException">There are more dimensions than <paramref name="shape"/> has room for.</exception>
    public static float* Input(nint context, int index, Span<long> shape, out int rank)
    {
        nint tensor;
        Check(((delegate* unmanaged<nint, nuint, nint*, nint>)s_functions[90])(context, (nuint)index, &tensor));
        var info = Shape(tensor);
        try
        {
            nuint count;
            Check(((delegate* unmanaged<nint, nuint*, nint>)s_functions[61])(info, &count));
            rank = checked((int)count);
            if (rank > shape.Length)
            {
                throw new EngineException($"Input {index} has {rank} dimensions, at most {shape.Length} are read.");
            }

            fixed (long* dimensions = shape)
            {
                Check(((delegate* unmanaged<nint, long*, nuint, nint>)s_functions[62])(info, dimensions, count));
            }
        }
        finally
        {
            ReleaseShape(info);
        }

        return (float*)Data(tensor);
    }

    public static float* Output(nint context, int index, ReadOnlySpan<long> shape)
    {
        nint tensor;
        fixed (long* dimensions = shape)
        {
            Check(((delegate* unmanaged<nint, nuint, long*, nuint, nint*, nint>)s_functions[91])(
                context, (nuint)index, dimensions, (nuint)shape.Length, &tensor));
        }

        return (float*)Data(tensor);
    }

    /// <summary>Runs a part on whichever thread of the session is free.</summary>
    public static void ParallelFor(
        nint context, delegate* unmanaged<void*, nuint, void> body, int count, void* state) =>
        Check(((delegate* unmanaged<nint, void*, nuint, nuint, void*, nint>)s_functions[274])(
            context, body, (nuint)count, (nuint)count, state));

    private static void* Data(nint tensor)
    {
        void* data;
        Check(((delegate* unmanaged<nint, void**, nint>)s_functions[51])(tensor, &data));
        return data;
    }

    private static long Elements(nint tensor)
    {
        var shape = Shape(tensor);
        try
        {
            nuint count;
            Check(((delegate* unmanaged<nint, nuint*, nint>)s_functions[64])(shape, &count));
            return checked((long)count);
        }
        finally
        {
            ReleaseShape(shape);
        }
    }

    private static nint Shape(nint tensor)
    {
        nint shape;
        Check(((delegate* unmanaged<nint, nint*, nint>)s_functions[65])(tensor, &shape));
        return shape;
    }

    private static void ReleaseShape(nint shape) => ((delegate* unmanaged<nint, void>)s_functions[99])(shape);

    private static void Check(nint status)
    {
        if (status == 0)
        {
            return;
        }

        var message = Marshal.PtrToStringUTF8(((delegate* unmanaged<nint, nint>)s_functions[2])(status));
        ((delegate* unmanaged<nint, void>)s_functions[93])(status);
        throw new EngineException(message ?? "ONNX Runtime gave no reason.");
    }

    [LibraryImport("onnxruntime", EntryPoint = "OrtGetApiBase")]
    private static partial nint GetApiBase();

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct ApiBase
    {
        public readonly delegate* unmanaged<uint, nint*> GetApi;
        public readonly nint GetVersionString;
    }
}
