using System.Globalization;
using Microsoft.ML.OnnxRuntimeGenAI;

namespace Kaito.InferenceHost.Engine;

/// <summary>
/// GenAI's own loop: one generator per sequence, run in turn. Slower than <see cref="SlotEngine"/> with more than one
/// sequence, but it runs every graph that GenAI knows, and is the reference that the other is compared with.
/// </summary>
internal sealed class GenAiEngine : IInferenceEngine
{
    private readonly Model _model;
    private readonly int _prefillTokens;
    private readonly float[] _logits;

    // Uncontended but for Dispose, which waits here for at most one run of the model.
    private readonly Lock _owner = new();
    private readonly List<Running> _running = [];
    private volatile bool _disposed;

    private GenAiEngine(Model model, ModelFolder folder, EngineOptions options)
    {
        _model = model;
        _prefillTokens = options.PrefillTokens;
        _logits = new float[folder.VocabularySize];
        Limits = new(folder.ContextTokens, options.MaxSequences, folder.VocabularySize);
    }

    public EngineLimits Limits { get; }

    // The runtime keeps its cache to itself.
    public EngineUsage Usage => default;

    /// <exception cref="ModelFolderException">GenAI cannot load the folder.</exception>
    public static GenAiEngine Load(ModelFolder folder, EngineOptions options)
    {
        try
        {
            using var config = new Config(folder.Path);
            config.Overlay(
                "{\"model\":{\"decoder\":{\"session_options\":{\"intra_op_num_threads\":"
                + options.Threads.ToString(CultureInfo.InvariantCulture) + "}}}}");
            if (options.Accelerator == Accelerator.Cuda)
            {
                config.ClearProviders();
                config.AppendProvider("cuda");
            }

            return new(new(config), folder, options);
        }
        catch (OnnxRuntimeGenAIException e)
        {
            throw new ModelFolderException(
                folder.Path,
                "folder",
                $"not loadable ({e.Message.ReplaceLineEndings(" ")})",
                "rebuild it for ONNX Runtime GenAI 0.15",
                e);
        }
    }

    public bool TryAdd(EngineSequence sequence)
    {
        Limits.Require(sequence);
        lock (_owner)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_running.Exists(running => running.Sequence.Id == sequence.Id))
            {
                throw new ArgumentException($"Sequence id {sequence.Id} is already running.", nameof(sequence));
            }

            if (_running.Count == Limits.MaxSequences)
            {
                return false;
            }

            _running.Add(new(sequence));
            return true;
        }
    }

    public void Step(ICollection<EngineToken> produced)
    {
        lock (_owner)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var completed = false;
            try
            {
                StepAll(produced);
                completed = true;
            }
            catch (OnnxRuntimeGenAIException e)
            {
                throw new EngineException(e.Message, e);
            }
            finally
            {
                if (!completed)
                {
                    Clear();
                }
            }
        }
    }

    public void Remove(long sequenceId)
    {
        lock (_owner)
        {
            var index = _running.FindIndex(running => running.Sequence.Id == sequenceId);
            if (index >= 0)
            {
                Free(index);
            }
        }
    }

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        lock (_owner)
        {
            Clear();
            _model.Dispose();
        }
    }

    private void StepAll(ICollection<EngineToken> produced)
    {
        var prefillLeft = _prefillTokens;
        for (var index = 0; index < _running.Count; index++)
        {
            var running = _running[index];
            if (running.Prefilling && prefillLeft == 0)
            {
                continue;
            }

            var generator = running.Generator ??= Create(running.Sequence);
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (running.Prefilling)
            {
                var chunk = running.Take(prefillLeft);
                prefillLeft -= chunk.Length;
                generator.AppendTokens(chunk);
            }
            else
            {
                generator.AppendTokens([running.LastToken]);
            }

            if (!running.Prefilling)
            {
                GenAiNative.CopyLogits(generator, _logits);
                produced.Add(running.Sample(_logits));
            }
        }

        for (var index = _running.Count - 1; index >= 0; index--)
        {
            if (_running[index].Finished)
            {
                Free(index);
            }
        }
    }

    private Generator Create(EngineSequence sequence)
    {
        using var parameters = new GeneratorParams(_model);
        parameters.SetSearchOption("max_length", sequence.Prompt.Length + sequence.MaxNewTokens);
        parameters.SetSearchOption("batch_size", 1);
        parameters.SetSearchOption("num_beams", 1);

        // Unused, but the default of -1 costs 14 ms of random numbers per generator.
        parameters.SetSearchOption("random_seed", 1);
        return new(_model, parameters);
    }

    private void Clear()
    {
        while (_running.Count > 0)
        {
            Free(_running.Count - 1);
        }
    }

    private void Free(int index)
    {
        _running[index].Generator?.Dispose();
        _running.RemoveAt(index);
    }

    private sealed class Running(EngineSequence sequence)
    {
        private int _fed;
        private int _produced;

        public EngineSequence Sequence { get; } = sequence;

        public Generator? Generator { get; set; }

        public int LastToken { get; private set; }

        public bool Prefilling => _fed < Sequence.Prompt.Length;

        public bool Finished => _produced == Sequence.MaxNewTokens;

        public ReadOnlySpan<int> Take(int most)
        {
            var chunk = Sequence.Prompt.Span[_fed..];
            chunk = chunk[..Math.Min(chunk.Length, most)];
            _fed += chunk.Length;
            return chunk;
        }

        public EngineToken Sample(Span<float> logits)
        {
            LastToken = Sequence.Sampler.Sample(logits);
            _produced++;
            return new(Sequence.Id, LastToken);
        }
    }
}
