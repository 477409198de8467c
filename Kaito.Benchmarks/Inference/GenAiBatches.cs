using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntimeGenAI;

namespace Kaito.Benchmarks.Inference;

/// <summary>GenAI's own Engine, which its C# binding leaves out: static batches of four on the CPU.</summary>
internal static partial class GenAiBatches
{
    private const string Library = "onnxruntime-genai";

    /// <returns>Tokens per second.</returns>
    public static double Rate(string folder, LoadItem[] items, int together, int threads)
    {
        using var config = new Config(folder);
        config.Overlay(
            "{\"model\":{\"decoder\":{\"session_options\":{\"intra_op_num_threads\":"
            + threads.ToString(CultureInfo.InvariantCulture) + "}}}}");
        using var model = new Model(config);
        Check(CreateEngine(HandleOf(model), out var engine));
        try
        {
            _ = Run(engine, model, items[..together], together);
            return Run(engine, model, items, together);
        }
        finally
        {
            DestroyEngine(engine);
        }
    }

    private static double Run(nint engine, Model model, LoadItem[] items, int together)
    {
        var (next, running, tokens) = (0, 0, 0);
        var kept = new List<GeneratorParams>();
        var started = Stopwatch.GetTimestamp();
        try
        {
            for (var pending = true; pending || next < items.Length;)
            {
                for (; running < together && next < items.Length; running++, next++)
                {
                    kept.Add(Add(engine, model, items[next]));
                }

                Check(EngineStep(engine, out var ready));
                if (ready != 0)
                {
                    tokens += Drain(ready);
                    Check(RequestIsDone(ready, out var done));
                    if (done != 0)
                    {
                        Check(RemoveRequest(engine, ready));
                        DestroyRequest(ready);
                        running--;
                    }
                }

                Check(HasPending(engine, out var more));
                pending = more != 0;
            }
        }
        finally
        {
            kept.ForEach(static parameters => parameters.Dispose());
        }

        return tokens / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static GeneratorParams Add(nint engine, Model model, LoadItem item)
    {
        var parameters = new GeneratorParams(model);
        parameters.SetSearchOption("max_length", item.Prompt.Length + item.NewTokens);
        parameters.SetSearchOption("min_length", item.Prompt.Length + item.NewTokens);
        parameters.SetSearchOption("random_seed", 1);
        Check(CreateRequest(HandleOf(parameters), out var request));
        Check(CreateSequences(out var sequences));
        Check(AppendTokens(item.Prompt, (nuint)item.Prompt.Length, sequences));
        Check(AddTokens(request, sequences));
        DestroySequences(sequences);
        Check(AddRequest(engine, request));
        return parameters;
    }

    private static int Drain(nint request)
    {
        for (var count = 0; ; count++)
        {
            Check(HasUnseen(request, out var unseen));
            if (unseen == 0)
            {
                return count;
            }

            Check(GetUnseen(request, out _));
        }
    }

    private static void Check(nint result)
    {
        if (result != 0)
        {
            var message = Marshal.PtrToStringUTF8(GetError(result));
            DestroyResult(result);
            throw new InvalidOperationException(message);
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_Handle")]
    private static extern nint HandleOf(Model model);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_Handle")]
    private static extern nint HandleOf(GeneratorParams parameters);

    [LibraryImport(Library, EntryPoint = "OgaCreateEngine")]
    private static partial nint CreateEngine(nint model, out nint engine);

    [LibraryImport(Library, EntryPoint = "OgaDestroyEngine")]
    private static partial void DestroyEngine(nint engine);

    [LibraryImport(Library, EntryPoint = "OgaEngineStep")]
    private static partial nint EngineStep(nint engine, out nint ready);

    [LibraryImport(Library, EntryPoint = "OgaEngineHasPendingRequests")]
    private static partial nint HasPending(nint engine, out byte pending);

    [LibraryImport(Library, EntryPoint = "OgaEngineAddRequest")]
    private static partial nint AddRequest(nint engine, nint request);

    [LibraryImport(Library, EntryPoint = "OgaEngineRemoveRequest")]
    private static partial nint RemoveRequest(nint engine, nint request);

    [LibraryImport(Library, EntryPoint = "OgaCreateRequest")]
    private static partial nint CreateRequest(nint parameters, out nint request);

    [LibraryImport(Library, EntryPoint = "OgaDestroyRequest")]
    private static partial void DestroyRequest(nint request);

    [LibraryImport(Library, EntryPoint = "OgaRequestAddTokens")]
    private static partial nint AddTokens(nint request, nint sequences);

    [LibraryImport(Library, EntryPoint = "OgaRequestHasUnseenTokens")]
    private static partial nint HasUnseen(nint request, out byte unseen);

    [LibraryImport(Library, EntryPoint = "OgaRequestGetUnseenToken")]
    private static partial nint GetUnseen(nint request, out int token);

    [LibraryImport(Library, EntryPoint = "OgaRequestIsDone")]
    private static partial nint RequestIsDone(nint request, out byte done);

    [LibraryImport(Library, EntryPoint = "OgaCreateSequences")]
    private static partial nint CreateSequences(out nint sequences);

    [LibraryImport(Library, EntryPoint = "OgaDestroySequences")]
    private static partial void DestroySequences(nint sequences);

    [LibraryImport(Library, EntryPoint = "OgaAppendTokenSequence")]
    private static partial nint AppendTokens(int[] tokens, nuint count, nint sequences);

    [LibraryImport(Library, EntryPoint = "OgaResultGetError")]
    private static partial nint GetError(nint result);

    [LibraryImport(Library, EntryPoint = "OgaDestroyResult")]
    private static partial void DestroyResult(nint result);
}
