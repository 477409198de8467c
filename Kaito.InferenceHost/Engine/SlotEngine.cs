using Microsoft.ML.OnnxRuntime;

namespace Kaito.InferenceHost.Engine;

/// <summary>
/// Continuous batching on a plain session. Slots 0..n-1 of the cache decode together; at most one more, slot n, is
/// taking in its prompt; admitted sequences without a slot wait in order. A slot that becomes free is filled by the
/// last one, so the rows of a run are always consecutive.
/// </summary>
internal sealed class SlotEngine : IInferenceEngine
{
    // Copying fewer tokens than this costs as much as computing them.
    private const int ShortestReuse = 8;

    private readonly DecoderSession _session;
    private readonly KvSizing _sizing;
    private readonly KvSlots _cache;
    private readonly PrefixStore _finished;
    private readonly int _prefillTokens;

    // Uncontended but for Dispose, which terminates the step and then waits for it here.
    private readonly Lock _owner = new();
    private readonly List<RunningSequence> _slots = [];
    private readonly Queue<RunningSequence> _waiting = new();
    private readonly int[] _rowTokens;
    private readonly int[] _rowLengths;
    private readonly AdapterMix?[] _rowAdapters;
    private long _lookedUp;
    private volatile bool _disposed;

    private SlotEngine(ModelFolder model, EngineOptions options, DecoderSession session)
    {
        var graph = model.Decoder;
        var headBytes = graph.HeadSize * session.CacheElementBytes;
        _session = session;
        _cache = new(2 * graph.Layers, graph.KvHeads, headBytes);
        _sizing = new(_cache.PackedBytes(1), new(options.MaxSequences, model.ContextTokens), options.CacheBytes);
        _finished = new(options.PrefixBytes);
        _prefillTokens = session.ChunkTokens;
        _rowTokens = new int[options.MaxSequences + 1];
        _rowLengths = new int[options.MaxSequences + 1];
        _rowAdapters = new AdapterMix?[options.MaxSequences + 1];
        Limits = new(_sizing.ContextTokens, options.MaxSequences, model.VocabularySize)
        {
            ReadsPrompts = session.ReadsPrompts,
            Adapters = session.Adapters,
        };
    }

    /// <summary>Shorter than the model's context when the cache budget holds no such sequence.</summary>
    public EngineLimits Limits { get; }

    /// <summary>Prompt tokens that were copied from an earlier sequence instead of computed.</summary>
    public long ReusedTokens { get; private set; }

    public EngineUsage Usage
    {
        get
        {
            lock (_owner)
            {
                return new(_slots.Sum(static slot => (long)slot.Cached), _sizing.CapacityTokens, _lookedUp, ReusedTokens);
            }
        }
    }

    /// <summary>What the cache has room for at the moment.</summary>
    public KvShape CacheShape => _cache.Shape;

    private int Decoding => _slots.Count - (_slots is [.., { Prefilling: true }] ? 1 : 0);

    /// <exception cref="ModelFolderException">The graph cannot be loaded or does not suit this engine.</exception>
    /// <exception cref="EngineException">The cache budget is too small for any sequence.</exception>
    public static SlotEngine Load(ModelFolder model, EngineOptions options)
    {
        var session = new DecoderSession(model, options);
        var engine = new SlotEngine(model, options, session);
        if (engine.Limits.ContextTokens > 0)
        {
            return engine;
        }

        engine.Dispose();
        throw new EngineException(
            $"CacheBytes is {options.CacheBytes}, too little for 64 tokens of {engine._sizing.BytesPerToken} bytes; "
            + "raise it or use a smaller model.");
    }

    public bool TryAdd(EngineSequence sequence)
    {
        Limits.Require(sequence);
        lock (_owner)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_slots.Concat(_waiting).Any(running => running.Id == sequence.Id))
            {
                throw new ArgumentException($"Sequence id {sequence.Id} is already running.", nameof(sequence));
            }

            var reserved = Reserved(sequence.Prompt.Length + sequence.MaxNewTokens);
            if (reserved.Slots > Limits.MaxSequences || !_sizing.Fits(reserved))
            {
                return false;
            }

            _waiting.Enqueue(new(sequence));
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
                Decode(produced);
                Prefill(produced);
                completed = true;
            }
            catch (Exception e) when (e is OnnxRuntimeException or OutOfMemoryException)
            {
                throw new EngineException(e.Message, e);
            }
            finally
            {
                if (!completed)
                {
                    _slots.Clear();
                    _waiting.Clear();
                }
            }
        }
    }

    public void Remove(long sequenceId)
    {
        lock (_owner)
        {
            var slot = _slots.FindIndex(sequence => sequence.Id == sequenceId);
            if (slot >= 0)
            {
                Free(slot);
                return;
            }

            for (var count = _waiting.Count; count > 0; count--)
            {
                if (_waiting.Dequeue() is var waiting && waiting.Id != sequenceId)
                {
                    _waiting.Enqueue(waiting);
                }
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
        _session.Terminate();
        lock (_owner)
        {
            _slots.Clear();
            _waiting.Clear();
            _session.Dispose();
            _cache.Dispose();
            _finished.Dispose();
        }
    }

    private void Decode(ICollection<EngineToken> produced)
    {
        var rows = Decoding;
        if (rows == 0)
        {
            return;
        }

        var longest = 0;
        for (var row = 0; row < rows; row++)
        {
            (_rowTokens[row], _rowLengths[row]) = (_slots[row].Tokens[^1], _slots[row].Cached);
            _rowAdapters[row] = _slots[row].Adapters;
            longest = Math.Max(longest, _rowLengths[row]);
        }

        MakeRoom(longest + 1);
        _session.Decode(_cache, _rowTokens.AsSpan(0, rows), _rowLengths.AsSpan(0, rows), _rowAdapters.AsSpan(0, rows));
        for (var row = 0; row < rows; row++)
        {
            _slots[row].Cached++;
            produced.Add(_slots[row].Sample(_session.Logits(row)));
        }

        for (var row = rows - 1; row >= 0; row--)
        {
            FreeIfFinished(row);
        }
    }

    /// <summary>Spends one chunk of prompt tokens, on several sequences when their prompts are short.</summary>
    private void Prefill(ICollection<EngineToken> produced)
    {
        var budget = _prefillTokens;
        while (budget > 0 && TryNextPrompt(out var sequence))
        {
            var slot = _slots.Count - 1;
            var chunk = sequence.Tokens[sequence.Cached..];
            chunk = chunk[..Math.Min(chunk.Length, budget)];
            MakeRoom(sequence.Cached + chunk.Length);
            _session.Prefill(_cache, slot, chunk, sequence.Cached, sequence.Adapters);
            ReadPrompt(sequence, chunk.Length);
            sequence.Cached += chunk.Length;
            budget -= chunk.Length;
            if (!sequence.Prefilling)
            {
                produced.Add(sequence.Sample(_session.Logits(0)));
                FreeIfFinished(slot);
            }
        }
    }

    private void ReadPrompt(RunningSequence sequence, int count)
    {
        if (sequence.PromptReader is not { } reader)
        {
            return;
        }

        for (var i = 0; i < count; i++)
        {
            // What follows the last token of the prompt is the answer's first one.
            if (sequence.Cached + i + 1 is var position && position < sequence.Tokens.Length)
            {
                reader.Read(position, _session.PromptLogits(i));
            }
        }
    }

    private bool TryNextPrompt(out RunningSequence sequence)
    {
        if (_slots is [.., { Prefilling: true } last])
        {
            sequence = last;
            return true;
        }

        if (!_waiting.TryDequeue(out sequence!))
        {
            return false;
        }

        _slots.Add(sequence);
        MakeRoom(1);
        if (sequence.PromptReader is null)
        {
            ReusePrefix(sequence, _slots.Count - 1);
        }

        return true;
    }

    /// <summary>Copies the longest known start of the prompt, but not its last token: logits come from there.</summary>
    private void ReusePrefix(RunningSequence sequence, int slot)
    {
        var prompt = sequence.Tokens[..^1];
        _lookedUp += prompt.Length;
        var adapters = AdapterMix.KeyOf(sequence.Adapters);
        var length = _finished.Longest(prompt, adapters, out var entry);
        var neighbour = -1;
        for (var other = 0; other < slot; other++)
        {
            var common = prompt.CommonPrefixLength(_slots[other].Tokens[.._slots[other].Cached]);
            if (common > length && AdapterMix.KeyOf(_slots[other].Adapters) == adapters)
            {
                (length, neighbour) = (common, other);
            }
        }

        if (length < ShortestReuse)
        {
            return;
        }

        MakeRoom(length);
        if (neighbour >= 0)
        {
            _cache.Copy(neighbour, slot, length);
        }
        else
        {
            _finished.Restore(entry, _cache, slot, length);
        }

        sequence.Cached = length;
        ReusedTokens += length;
    }

    private void MakeRoom(int tokens)
    {
        var shape = _sizing.Next(_cache.Shape, new(_slots.Count + _waiting.Count, tokens), Reserved(0));
        if (shape == _cache.Shape)
        {
            return;
        }

        for (var slot = 0; slot < _slots.Count; slot++)
        {
            _rowLengths[slot] = _slots[slot].Cached;
        }

        // The rows of the current decode are read again by the caller: lengths are what they already were.
        _session.ForgetCache();
        _cache.Resize(shape, _rowLengths.AsSpan(0, _slots.Count));
    }

    private KvShape Reserved(int next)
    {
        var (count, longest) = (next > 0 ? 1 : 0, next);
        foreach (var sequence in _slots.Concat(_waiting))
        {
            (count, longest) = (count + 1, Math.Max(longest, sequence.Reserved));
        }

        return new(count, longest);
    }

    private void FreeIfFinished(int slot)
    {
        if (_slots[slot].Finished)
        {
            Free(slot);
        }
    }

    private void Free(int slot)
    {
        var gone = _slots[slot];
        if (gone.Cached >= ShortestReuse)
        {
            _finished.Save(_cache, slot, gone.Tokens[..gone.Cached], AdapterMix.KeyOf(gone.Adapters));
        }

        // Decoding rows stay consecutive: the last of them fills the hole, the prompt being taken in follows it.
        var lastRow = Decoding - 1;
        if (slot < lastRow)
        {
            Move(lastRow, slot);
            slot = lastRow;
        }

        if (slot < _slots.Count - 1)
        {
            Move(_slots.Count - 1, slot);
        }

        _slots.RemoveAt(_slots.Count - 1);
    }

    private void Move(int from, int to)
    {
        _cache.Copy(from, to, _slots[from].Cached);
        _slots[to] = _slots[from];
    }
}
