using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntimeGenAI;

namespace Kaito.InferenceHost.Engine;

/// <summary>Functions of GenAI's C interface that its C# binding leaves out.</summary>
internal static unsafe partial class GenAiNative
{
    private const string Library = "onnxruntime-genai";

    /// <summary>Copies the logits after the last token that was appended.</summary>
    /// <param name="generator">A generator of one sequence that has at least one token.</param>
    /// <param name="logits">Output, shape [vocab].</param>
    /// <exception cref="EngineException">The library refused.</exception>
    public static void CopyLogits(Generator generator, Span<float> logits)
    {
        Check(GetLogits(HandleOf(generator), out var tensor));
        try
        {
            Check(GetData(tensor, out var address));
            new ReadOnlySpan<float>((void*)address, logits.Length).CopyTo(logits);
        }
        finally
        {
            DestroyTensor(tensor);
            GC.KeepAlive(generator);
        }
    }

    private static void Check(nint result)
    {
        if (result == 0)
        {
            return;
        }

        var message = Marshal.PtrToStringUTF8(GetError(result));
        DestroyResult(result);
        throw new EngineException(message ?? "GenAI gave no reason.");
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_generatorHandle")]
    private static extern ref nint HandleOf(Generator generator);

    [LibraryImport(Library, EntryPoint = "OgaGenerator_GetLogits")]
    private static partial nint GetLogits(nint generator, out nint tensor);

    [LibraryImport(Library, EntryPoint = "OgaTensorGetData")]
    private static partial nint GetData(nint tensor, out nint address);

    [LibraryImport(Library, EntryPoint = "OgaDestroyTensor")]
    private static partial void DestroyTensor(nint tensor);

    [LibraryImport(Library, EntryPoint = "OgaResultGetError")]
    private static partial nint GetError(nint result);

    [LibraryImport(Library, EntryPoint = "OgaDestroyResult")]
    private static partial void DestroyResult(nint result);
}
