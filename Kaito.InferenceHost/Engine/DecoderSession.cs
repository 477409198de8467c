using System.Collections.Immutable;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Kaito.InferenceHost.Engine.Kernels;
using Kaito.ModelBuilder.Adapters;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using SessionOptions = Microsoft.ML.OnnxRuntime.SessionOptions;

namespace Kaito.InferenceHost.Engine;

/// <summary>
/// Runs an unmodified GenAI decoder graph over rows of <see cref="KvSlots"/>. The attention mask carries the lengths:
/// ones for what a row holds, zeros to its right.
/// </summary>
internal sealed class DecoderSession : IDisposable
{
    // Logits of a whole chunk are computed, so a large vocabulary shortens the chunk.
    private const int LogitsBytes = 64 << 20;

    private readonly DecoderGraph _graph;
    private readonly InferenceSession _session;
    private readonly RunOptions _run = new() { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
    private readonly Dictionary<(int Rows, int FirstSlot), KvBinding> _bindings = [];
    private readonly TensorElementType _cacheType;
    private readonly TensorElementType _logitsType;
    private readonly bool _lastLogitsOnly;
    private readonly bool _hasPositions;
    private readonly AdapterFeeds _adapters;
    private readonly int _vocabulary;
    private readonly long[] _ids;
    private readonly long[] _positions;
    private readonly byte[] _logits;
    private readonly float[] _row;
    private long[] _mask = [];
    private int _lastRow;

    public DecoderSession(ModelFolder model, EngineOptions options)
    {
        _graph = model.Decoder;
        _vocabulary = model.VocabularySize;
        (_session, HasOwnKernels) = Open(model.Decoder.File, options);
        try
        {
            var signature = GraphSignature.Read(_session, model);
            (_cacheType, _logitsType) = (signature.CacheType, signature.LogitsType);
            (_lastLogitsOnly, _hasPositions) = (signature.LastLogitsOnly, signature.HasPositions);
            (Adapters, _adapters) = (signature.Adapters, new(signature.Adapters));
        }
        catch
        {
            _run.Dispose();
            _session.Dispose();
            throw;
        }

        var rowBytes = _vocabulary * SizeOf(_logitsType);
        ChunkTokens = _lastLogitsOnly
            ? options.PrefillTokens
            : Math.Clamp(LogitsBytes / rowBytes, 1, options.PrefillTokens);
        var rows = Math.Max(options.MaxSequences, ChunkTokens);
        _ids = GC.AllocateArray<long>(rows, pinned: true);
        _positions = GC.AllocateArray<long>(rows, pinned: true);
        _logits = GC.AllocateUninitializedArray<byte>(
            rowBytes * (_lastLogitsOnly ? options.MaxSequences : rows),
            pinned: true);
        _row = new float[_vocabulary];
    }

    /// <summary>Most prompt tokens of one run.</summary>
    public int ChunkTokens { get; }

    /// <summary>Whether <see cref="BlockProduct"/> computes here.</summary>
    public bool HasOwnKernels { get; }

    /// <summary>See <see cref="EngineLimits.Adapters"/>.</summary>
    public ImmutableArray<AdapterTarget> Adapters { get; }

    /// <summary>Bytes of one number in the cache.</summary>
    public int CacheElementBytes => SizeOf(_cacheType);

    /// <summary>Feeds the next tokens of one slot after the <paramref name="past"/> that it holds.</summary>
    public void Prefill(KvSlots cache, int slot, ReadOnlySpan<int> tokens, int past, AdapterMix? adapters)
    {
        for (var i = 0; i < tokens.Length; i++)
        {
            (_ids[i], _positions[i]) = (tokens[i], past + i);
        }

        var total = past + tokens.Length;
        MaskOf(total).Fill(1);
        Run(cache, new(1, tokens.Length, total), slot, [adapters]);
        _lastRow = _lastLogitsOnly ? 0 : tokens.Length - 1;
    }

    /// <summary>Feeds one token to each of the slots from 0 on.</summary>
    /// <param name="cache">Has room for one more token in each of these slots.</param>
    /// <param name="tokens">Shape [rows].</param>
    /// <param name="past">Tokens each slot holds; shape [rows].</param>
    /// <param name="adapters">Those of each slot; shape [rows].</param>
    public void Decode(
        KvSlots cache, ReadOnlySpan<int> tokens, ReadOnlySpan<int> past, ReadOnlySpan<AdapterMix?> adapters)
    {
        var rows = tokens.Length;
        var total = TensorPrimitives.Max(past) + 1;
        var mask = MaskOf(rows * total);
        for (var row = 0; row < rows; row++)
        {
            (_ids[row], _positions[row]) = (tokens[row], past[row]);
            var rowMask = mask.Slice(row * total, total);
            rowMask[..(past[row] + 1)].Fill(1);
            rowMask[(past[row] + 1)..].Clear();
        }

        Run(cache, new(rows, 1, total), 0, adapters);
        _lastRow = 0;
    }

    /// <summary>Whether <see cref="PromptLogits"/> may be asked for.</summary>
    public bool ReadsPrompts => !_lastLogitsOnly;

    /// <summary>
    /// Logits after the last token of a row of the last run, shape [vocab]; valid until the next call.
    /// </summary>
    public Span<float> Logits(int row) => LogitsAt(_lastRow + row);

    /// <summary>Logits after a token of the last prefill, shape [vocab]; valid until the next call.</summary>
    public Span<float> PromptLogits(int token) => LogitsAt(token);

    private Span<float> LogitsAt(int index)
    {
        var bytes = _logits.AsSpan(index * _vocabulary * SizeOf(_logitsType));
        if (_logitsType == TensorElementType.Float)
        {
            return MemoryMarshal.Cast<byte, float>(bytes)[.._vocabulary];
        }

        TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(bytes)[.._vocabulary], _row);
        return _row;
    }

    /// <summary>Makes the current run fail soon, and every later one; callable from any thread.</summary>
    public void Terminate() => _run.Terminate = true;

    /// <summary>Call after the cache was resized: its addresses are stale.</summary>
    public void ForgetCache()
    {
        foreach (var binding in _bindings.Values)
        {
            binding.Dispose();
        }

        _bindings.Clear();
    }

    public void Dispose()
    {
        ForgetCache();
        _adapters.Dispose();
        _run.Dispose();
        _session.Dispose();
    }

    private static (InferenceSession Session, bool HasOwnKernels) Open(string file, EngineOptions limits)
    {
        if (limits is { Kernel: MatMulKernel.Auto, Accelerator: Accelerator.Cpu } && BlockProduct.IsSupported)
        {
            try
            {
                var before = MatMulNBitsOp.Created;
                return (Open(file, limits, ownKernels: true), MatMulNBitsOp.Created > before);
            }
            catch (ModelFolderException)
            {
                // Its weights have another form, which ONNX Runtime knows, or it is broken, which ONNX Runtime tells.
            }
        }

        return (Open(file, limits, ownKernels: false), false);
    }

    private static InferenceSession Open(string file, EngineOptions limits, bool ownKernels)
    {
        using var options = new SessionOptions
        {
            IntraOpNumThreads = limits.Threads,
            InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            EnableMemoryPattern = false,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
        };

        // A step has hundreds of parallel parts; to sleep between them costs a fifth of the speed. The cores are shared
        // with the web server, so nobody spins for long, nor between steps.
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "1");
        options.AddSessionConfigEntry("session.intra_op.spin_duration_us", "100");
        options.AddSessionConfigEntry("session.force_spinning_stop", "1");
        options.Enable(limits.Accelerator);
        if (ownKernels)
        {
            MatMulNBitsOp.AddTo(options);
        }

        try
        {
            return new(file, options);
        }
        catch (OnnxRuntimeException e)
        {
            throw new ModelFolderException(
                file,
                "graph",
                $"not loadable ({e.Message.ReplaceLineEndings(" ")})",
                "rebuild the model folder for ONNX Runtime 1.29",
                e);
        }
    }

    private static int SizeOf(TensorElementType type) => type == TensorElementType.Float ? sizeof(float) : 2;

    private Span<long> MaskOf(int count)
    {
        if (_mask.Length < count)
        {
            _mask = GC.AllocateUninitializedArray<long>(Math.Max(count, _mask.Length * 2), pinned: true);
        }

        return _mask.AsSpan(0, count);
    }

    private void Run(KvSlots cache, RunShape shape, int firstSlot, ReadOnlySpan<AdapterMix?> adapters)
    {
        var (rows, tokens, total) = shape;
        if (!_bindings.TryGetValue((rows, firstSlot), out var kept))
        {
            kept = KvBinding.Create(_session.CreateIoBinding(), _graph, cache, _cacheType, (rows, firstSlot));
            _bindings.Add((rows, firstSlot), kept);
        }

        var binding = kept.Binding;
        using var ids = Value(_ids, TensorElementType.Int64, sizeof(long), rows, tokens);
        using var mask = Value(_mask, TensorElementType.Int64, sizeof(long), rows, total);
        using var positions = Value(_positions, TensorElementType.Int64, sizeof(long), rows, tokens);
        using var logits = Value(
            _logits, _logitsType, SizeOf(_logitsType), rows, _lastLogitsOnly ? 1 : tokens, _vocabulary);
        binding.BindInput(_graph.Inputs.InputIds, ids);
        binding.BindInput(_graph.Inputs.AttentionMask, mask);
        if (_hasPositions)
        {
            binding.BindInput(_graph.Inputs.PositionIds, positions);
        }

        _adapters.Bind(kept, adapters);
        binding.BindOutput(_graph.Outputs.Logits, logits);
        _session.RunWithBinding(_run, binding);
    }

    private static OrtValue Value<T>(T[] pinned, TensorElementType type, int elementBytes, params long[] shape)
        where T : unmanaged => OrtValue.CreateTensorValueWithData(
            OrtMemoryInfo.DefaultInstance,
            type,
            shape,
            Marshal.UnsafeAddrOfPinnedArrayElement(pinned, 0),
            TensorPrimitives.Product<long>(shape) * elementBytes);

    private readonly record struct RunShape(int Rows, int Tokens, int Total);
}
