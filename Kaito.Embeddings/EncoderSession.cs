using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Kaito.Embeddings;

/// <summary>Runs an encoder graph over a batch of texts. For one thread at a time.</summary>
public sealed class EncoderSession : IDisposable
{
    private const string Ids = "input_ids";
    private const string Mask = "attention_mask";
    private const string Types = "token_type_ids";
    private const string Pooled = "sentence_embedding";
    private const string Logits = "logits";

    // Names that exporters give to one vector per token.
    private static readonly string[] s_tokenOutputs = ["last_hidden_state", "token_embeddings"];

    private readonly EncoderFolder _folder;
    private readonly InferenceSession _session;
    private readonly RunOptions _run = new() { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
    private readonly string[] _inputs;
    private readonly string _output;
    private readonly int? _separator;
    private long[] _ids = [];
    private long[] _mask = [];
    private long[] _types = [];

    /// <param name="folder">The graph and how to pool.</param>
    /// <param name="threads">Threads that share one run.</param>
    /// <exception cref="EncoderException">The graph does not load, or takes or gives something else.</exception>
    public EncoderSession(EncoderFolder folder, int threads)
        : this(folder, threads, scores: false, separator: null)
    {
    }

    private EncoderSession(EncoderFolder folder, int threads, bool scores, int? separator)
    {
        (_folder, _separator) = (folder, separator);
        _session = Open(folder.Graph, threads);
        try
        {
            _inputs = InputsOf(_session, folder.Graph);
            _output = scores ? ScoresOf(_session, folder.Graph) : OutputOf(_session, folder.Graph);
            Width = Embed([[folder.PadToken]])[0].Length;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Numbers of one vector: dimensions, or classes of a cross-encoder.</summary>
    public int Width { get; }

    /// <summary>Opens a cross-encoder: what comes out per pair of texts is its logits.</summary>
    /// <param name="folder">The graph.</param>
    /// <param name="threads">Threads that share one run.</param>
    /// <param name="separator">
    /// Ends the first text: what follows it is of type 1; <see langword="null"/> for models without types.
    /// </param>
    /// <exception cref="EncoderException">The graph does not load, or takes or gives something else.</exception>
    public static EncoderSession ForPairs(EncoderFolder folder, int threads, int? separator) =>
        new(folder, threads, scores: true, separator);

    /// <summary>One vector per text, pooled and not normalized; shape [texts][width].</summary>
    /// <param name="texts">Token ids; each text has at least one.</param>
    /// <exception cref="EncoderException">The run failed.</exception>
    public float[][] Embed(IReadOnlyList<int[]> texts)
    {
        var length = texts.Max(static text => text.Length);
        Fill(texts, length);
        long[] shape = [texts.Count, length];
        using var ids = Value(_ids, shape);
        using var mask = Value(_mask, shape);
        using var types = Value(_types, shape);
        try
        {
            using var results = _session.Run(
                _run,
                _inputs,
                [.. _inputs.Select(name => name switch { Ids => ids, Mask => mask, _ => types })],
                [_output]);
            return VectorsOf(results[0], texts);
        }
        catch (OnnxRuntimeException failure)
        {
            throw new EncoderException(
                $"The model failed on {texts.Count} texts of up to {length} tokens: "
                + failure.Message.ReplaceLineEndings(" "),
                failure);
        }
    }

    /// <summary>Makes the current run fail soon, and every later one; callable from any thread.</summary>
    public void Terminate() => _run.Terminate = true;

    /// <summary>Frees the graph; not while a run is under way.</summary>
    public void Dispose()
    {
        _run.Dispose();
        _session.Dispose();
    }

    private static InferenceSession Open(string file, int threads)
    {
        using var options = new SessionOptions
        {
            IntraOpNumThreads = threads,
            InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            EnableMemoryPattern = false,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
        };

        // The cores are shared with the web server: a thread that waits must not spin.
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        try
        {
            return new(file, options);
        }
        catch (OnnxRuntimeException e)
        {
            throw new EncoderException(
                $"{file}: graph is not loadable ({e.Message.ReplaceLineEndings(" ")}); export the model again.", e);
        }
    }

    private static string[] InputsOf(InferenceSession session, string file)
    {
        foreach (var (name, input) in session.InputMetadata)
        {
            if (name is not (Ids or Mask or Types) || input.ElementDataType != TensorElementType.Int64)
            {
                throw new EncoderException(
                    $"{file}: input {name} is of type {input.ElementDataType}; only {Ids}, {Mask} and {Types} of "
                    + "type Int64 can be fed. Export the model for feature extraction.");
            }
        }

        return session.InputMetadata.ContainsKey(Ids)
            ? [.. session.InputMetadata.Keys]
            : throw new EncoderException($"{file}: input {Ids} is missing; export the model for feature extraction.");
    }

    private static string OutputOf(InferenceSession session, string file)
    {
        var outputs = session.OutputMetadata;
        var found = s_tokenOutputs.Prepend(Pooled).FirstOrDefault(outputs.ContainsKey)
            ?? throw new EncoderException(
                $"{file}: outputs are {string.Join(", ", outputs.Keys)}; one of {Pooled} and "
                + $"{string.Join(", ", s_tokenOutputs)} is needed. Export the model for feature extraction.");
        return outputs[found].ElementDataType is TensorElementType.Float or TensorElementType.Float16
            ? found
            : throw new EncoderException(
                $"{file}: output {found} is of type {outputs[found].ElementDataType}; export it as float32.");
    }

    private static string ScoresOf(InferenceSession session, string file) =>
        session.OutputMetadata.TryGetValue(Logits, out var output)
            && output.ElementDataType is TensorElementType.Float or TensorElementType.Float16
                ? Logits
                : throw new EncoderException(
                    $"{file}: outputs are {string.Join(", ", session.OutputMetadata.Keys)}; a cross-encoder has {Logits} of "
                    + "type float32. Export the model for text classification.");

    private void Fill(IReadOnlyList<int[]> texts, int length)
    {
        var count = texts.Count * length;
        if (_ids.Length < count)
        {
            _ids = GC.AllocateUninitializedArray<long>(count, pinned: true);
            _mask = GC.AllocateUninitializedArray<long>(count, pinned: true);
            _types = GC.AllocateArray<long>(count, pinned: true);
        }

        for (var row = 0; row < texts.Count; row++)
        {
            var (text, start, type) = (texts[row], row * length, 0);
            for (var at = 0; at < length; at++)
            {
                var padded = at >= text.Length;
                _ids[start + at] = padded ? _folder.PadToken : text[at];
                _mask[start + at] = padded ? 0 : 1;
                _types[start + at] = padded ? 0 : type;
                type = !padded && text[at] == _separator ? 1 : type;
            }
        }
    }

    private float[][] VectorsOf(OrtValue output, IReadOnlyList<int[]> texts)
    {
        var shape = output.GetTensorTypeAndShape().Shape;
        var numbers = Numbers(output);
        var width = (int)shape[^1];
        var vectors = new float[texts.Count][];
        for (var row = 0; row < vectors.Length; row++)
        {
            var rest = numbers.AsSpan(row * (numbers.Length / texts.Count));
            vectors[row] = shape.Length == 2
                ? rest[..width].ToArray()
                : Vectors.Pool(rest[..(texts[row].Length * width)], width, _folder.Pooling);
        }

        return vectors;
    }

    private static float[] Numbers(OrtValue output)
    {
        if (output.GetTensorTypeAndShape().ElementDataType == TensorElementType.Float)
        {
            return output.GetTensorDataAsSpan<float>().ToArray();
        }

        var halves = MemoryMarshal.Cast<byte, Half>(output.GetTensorMutableRawData());
        var numbers = new float[halves.Length];
        TensorPrimitives.ConvertToSingle(halves, numbers);
        return numbers;
    }

    private static OrtValue Value(long[] pinned, long[] shape) => OrtValue.CreateTensorValueWithData(
        OrtMemoryInfo.DefaultInstance,
        TensorElementType.Int64,
        shape,
        Marshal.UnsafeAddrOfPinnedArrayElement(pinned, 0),
        TensorPrimitives.Product<long>(shape) * sizeof(long));
}
