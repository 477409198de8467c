using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Microsoft.ML.OnnxRuntime;

namespace Kaito.InferenceHost.Engine;

/// <summary>
/// Continuous batching on a plain session. Slots 0..n-1 of the cache decode together; at most one more, slot n, is
/// taking in a long prompt, chunk by chunk; short prompts pass it, each in one chunk. Admitted sequences without a slot
/// wait in order. A slot that becomes free is filled by the last one, so the rows of a run are always consecutive. When
/// the cache is full, the last in rank gives up its slot and is computed again later.
/// </summary>
internal sealed class SlotEngine : IInferenceEngine
{
    // What a sequence should find free when it comes in, so that it does not push others out at once.
    private const int Headroom = 64;

    // So many waiting prompts, and more than there are answers under way, go before the answers' smoothness.
    private const int Crowd = 4;

    private readonly DecoderSession _session;
    private readonly KvSizing _sizing;
    private readonly KvSlots _cache;
    private readonly PrefixStore _finished;
    private readonly int _prefillTokens;

    // Uncontended but for Dispose, which terminates the step and then waits for it here.
    private readonly Lock _owner = new();
    private readonly SlotTable _slots;
    private readonly WaitingLine _waiting = new();
    private readonly PrefillPace _pace;
    private readonly SpeculativeSteps? _speculation;
    private readonly int[] _rowTokens;
    private readonly int[] _rowLengths;
    private readonly AdapterMix?[] _rowAdapters;
    private long _order;
    private long _preemptions;
    private long _recomputed;
    private volatile bool _disposed;

    private SlotEngine(ModelFolder model, EngineOptions options, DecoderSession session)
    {
        var graph = model.Decoder;
        var headBytes = graph.HeadSize * session.CacheElementBytes;
        _session = session;
        _cache = new(options.Accelerator.KvMemory(), 2 * graph.Layers, graph.KvHeads, headBytes);
        _sizing = new(_cache.PackedBytes(1), new(options.MaxSequences, model.ContextTokens), options.CacheBytes);
        _finished = new(options.PrefixBytes);
        _slots = new(_cache, _sizing, _finished, options.MaxSequences, session.ForgetCache);
        _prefillTokens = session.ChunkTokens;
        _pace = new(options.PrefillShare);

        // A graph that tells only what follows the last token cannot check guesses.
        _speculation = options.Speculation is { } wanted && session.ReadsPrompts
            ? new(wanted, session, _cache, _slots)
            : null;
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
    public long ReusedTokens => _slots.ReusedTokens;

    public EngineUsage Usage
    {
        get
        {
            lock (_owner)
            {
                return new(
                    _slots.Sequences.Sum(static slot => (long)slot.Cached),
                    _sizing.CapacityTokens,
                    _slots.LookedUpTokens,
                    _slots.ReusedTokens)
                {
                    Preemptions = _preemptions,
                    RecomputedTokens = _recomputed,
                    Speculation = _speculation?.Counts,
                };
            }
        }
    }

    /// <summary>Whether 4-bit weights are multiplied by our own kernel.</summary>
    public bool HasOwnKernels => _session.HasOwnKernels;

    /// <summary>What the cache has room for at the moment.</summary>
    public KvShape CacheShape => _cache.Shape;

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
            FreeFinished();
            if (_slots.Sequences.Concat(_waiting.Sequences).Any(running => running.Id == sequence.Id))
            {
                throw new ArgumentException($"Sequence id {sequence.Id} is already running.", nameof(sequence));
            }

            var added = new RunningSequence(sequence, _order++);
            var count = _slots.Count + _waiting.Count;
            if (count >= Limits.MaxSequences || (count > 0 && !HasRoom(added, count + 1)))
            {
                return false;
            }

            _waiting.Add(added);
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
                FreeFinished();
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
            if (_slots.Sequences.FirstOrDefault(running => running.Id == sequenceId) is { } running)
            {
                _slots.Free(_slots.SlotOf(running));
                return;
            }

            _waiting.Remove(sequenceId);
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
        var started = Stopwatch.GetTimestamp();
        while (_slots.Decoding > 0 && !_slots.TryMakeRoom(_slots.Longest(_slots.Decoding) + 1, _waiting.Count))
        {
            PreemptLast();
        }

        var rows = _slots.Decoding;
        if (rows == 0)
        {
            return;
        }

        if (rows > 1 || _speculation is null)
        {
            DecodeRows(rows, produced);
        }
        else if (!_speculation.TryStep(_waiting.Count, produced))
        {
            DecodeRows(rows, produced);
            _speculation.Plain(Stopwatch.GetElapsedTime(started));
        }

        _pace.Decoded(Stopwatch.GetElapsedTime(started));
    }

    private void DecodeRows(int rows, ICollection<EngineToken> produced)
    {
        for (var row = 0; row < rows; row++)
        {
            (_rowTokens[row], _rowLengths[row]) = (_slots[row].Tokens[^1], _slots[row].Cached);
            _rowAdapters[row] = _slots[row].Adapters;
        }

        _session.Decode(
            _cache, _rowTokens.AsSpan(0, rows), _rowLengths.AsSpan(0, rows), _rowAdapters.AsSpan(0, rows));
        for (var row = 0; row < rows; row++)
        {
            _slots[row].Cached++;
            produced.Add(_slots[row].Sample(_session.Logits(row)));
        }
    }

    /// <summary>Spends one chunk of prompt tokens: on short prompts, and on the long one that is under way.</summary>
    private void Prefill(ICollection<EngineToken> produced)
    {
        if (_waiting.First is { } first && _slots.Current is { } current && first.Rank.Priority < current.Rank.Priority)
        {
            Preempt(_slots.Count - 1);
        }

        var budget = _slots.Current is null ? _prefillTokens : Math.Max(1, _prefillTokens / 2);
        while (budget > 0 && TryTakeNext(budget, out var next))
        {
            var rest = next.Tokens.Length - next.Cached;
            if (rest > budget || Compute(next, rest, produced) == 0)
            {
                break;
            }

            budget -= rest;
        }

        if (_slots.Current is { } under)
        {
            Continue(under, budget + (_prefillTokens / 2), produced);
        }
    }

    private void Continue(RunningSequence current, int budget, ICollection<EngineToken> produced)
    {
        var rest = current.Tokens.Length - current.Cached;
        var waiting = _waiting.Count + 1;
        var held = _slots.Decoding > 0 && waiting <= Math.Max(Crowd, _slots.Decoding);
        var tokens = Math.Min(Math.Min(rest, Math.Min(budget, _prefillTokens)), held ? _pace.Allowance(rest) : rest);
        if (tokens > 0)
        {
            Compute(current, tokens, produced);
            _pace.Restart();
        }
    }

    /// <returns>Tokens computed; none when the sequence had to give up its slot.</returns>
    private int Compute(RunningSequence sequence, int count, ICollection<EngineToken> produced)
    {
        while (!_slots.TryMakeRoom(sequence.Cached + count, _waiting.Count))
        {
            if (PreemptLast() == sequence)
            {
                return 0;
            }
        }

        var slot = _slots.SlotOf(sequence);
        var started = Stopwatch.GetTimestamp();
        _session.Prefill(
            _cache, slot, sequence.Tokens.Slice(sequence.Cached, count), sequence.Cached, sequence.Adapters);
        sequence.ReadPrompt(count, _session);
        sequence.Cached += count;
        _recomputed += sequence.Preempted ? count : 0;
        if (!sequence.Prefilling)
        {
            produced.Add(sequence.Sample(_session.Logits(0)));
        }

        _pace.Filled(count, Stopwatch.GetElapsedTime(started));
        return count;
    }

    /// <summary>Gives the next waiting sequence a slot: any, or one with a short prompt while a long one is under way.</summary>
    private bool TryTakeNext(int budget, [NotNullWhen(true)] out RunningSequence? next)
    {
        var current = _slots.Current;
        next = current is null
            ? _waiting.First
            : _waiting.Sequences.FirstOrDefault(waiting => Rest(waiting) <= budget);
        if (next is null || (_slots.Count > 0 && !HasRoom(next, _slots.Count + 1, ofSlots: true)))
        {
            return false;
        }

        // A short prompt that no longer fits into this step waits for the next one; a long one takes its slot.
        var rest = Rest(next);
        if (rest > budget && rest <= _prefillTokens)
        {
            return false;
        }

        _waiting.Remove(next);
        _slots.Seat(next);
        return true;
    }

    private int Rest(RunningSequence waiting) => waiting.Tokens.Length - _slots.Known(waiting).Length;

    // Not what they may all come to hold: few answers take all they may, and the last in rank can give way.
    private bool HasRoom(RunningSequence next, int count, bool ofSlots = false)
    {
        if (!ofSlots && _waiting.HoldsPreempted)
        {
            return false;
        }

        var longest = Math.Min(next.Tokens.Length + Headroom, next.Reserved);
        foreach (var other in ofSlots ? _slots.Sequences : _slots.Sequences.Concat(_waiting.Sequences))
        {
            longest = Math.Max(longest, Math.Min(other.Tokens.Length + Headroom, other.Reserved));
        }

        return _sizing.Fits(new(count, longest));
    }

    /// <returns>Who gave up its slot; null where it was enough that those who have ended leave.</returns>
    private RunningSequence? PreemptLast()
    {
        if (FreeFinished())
        {
            return null;
        }

        var last = _slots.Sequences.MaxBy(static sequence => sequence.Rank)!;
        Preempt(_slots.SlotOf(last));
        return last;
    }

    private void Preempt(int slot)
    {
        var sequence = _slots[slot];
        _slots.Free(slot);
        sequence.Preempt();
        _waiting.Add(sequence);
        _preemptions++;
    }

    // Not in the step that makes the last token: its reader need not wait until the sequence is remembered.
    private bool FreeFinished()
    {
        var count = _slots.Count;
        for (var slot = count - 1; slot >= 0; slot--)
        {
            if (_slots[slot].Finished)
            {
                _slots.Free(slot);
            }
        }

        return _slots.Count < count;
    }
}
