using System.Diagnostics.CodeAnalysis;

namespace Kaito.InferenceHost.Generation;

/// <summary>
/// Calls that wait for a slot: bounded, by priority and among equals first in first out, many writers, one reader.
/// </summary>
/// <param name="capacity">Calls that may wait; past it the host says 503 at once.</param>
internal sealed class AdmissionQueue(int capacity) : IDisposable
{
    private readonly Lock _lock = new();

    // Lower numbers go first.
    private readonly PriorityQueue<GenerationStream, (int Priority, long Order)> _waiting = new();
    private readonly SemaphoreSlim _work = new(0);
    private long _order;
    private bool _closed;

    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _waiting.Count;
            }
        }
    }

    /// <summary>Returns <see langword="false"/> when the queue is full of calls whose clients still wait.</summary>
    public bool TryEnqueue(GenerationStream call)
    {
        lock (_lock)
        {
            if (_waiting.Count >= capacity)
            {
                DropCancelled();
            }

            if (_closed || _waiting.Count >= capacity)
            {
                return false;
            }

            _waiting.Enqueue(call, (call.Requests[0].Priority, _order++));
        }

        _work.Release();
        return true;
    }

    /// <summary>Names of the adapters of calls that wait.</summary>
    public string[] Adapters()
    {
        lock (_lock)
        {
            return
            [
                .. _waiting.UnorderedItems.Select(static item => item.Element.Requests[0].Adapters?.Name)
                    .OfType<string>().Distinct(),
            ];
        }
    }

    public bool TryDequeue([NotNullWhen(true)] out GenerationStream? call)
    {
        lock (_lock)
        {
            return _waiting.TryDequeue(out call, out _);
        }
    }

    /// <summary>Puts a call back before all others of its priority, if one of a higher priority waits.</summary>
    /// <returns>The call that goes first now; the same one when nobody overtakes it.</returns>
    public GenerationStream Exchange(GenerationStream call)
    {
        var priority = call.Requests[0].Priority;
        lock (_lock)
        {
            if (!_waiting.TryPeek(out _, out var first) || first.Priority >= priority)
            {
                return call;
            }

            var overtaking = _waiting.Dequeue();

            // Only one at a time is put back: no other of its priority is before it.
            _waiting.Enqueue(call, (priority, -1));
            return overtaking;
        }
    }

    /// <summary>Refuses new calls and wakes the reader; those that wait stay.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _closed = true;
        }

        _work.Release();
    }

    /// <summary>Blocks the engine's thread until something may have happened, or the time is up.</summary>
    public void WaitForWork(TimeSpan atMost)
    {
        if (_work.Wait(atMost))
        {
            while (_work.Wait(0))
            {
                // One wake-up answers for all calls that came meanwhile.
            }
        }
    }

    public void Dispose() => _work.Dispose();

    private void DropCancelled()
    {
        var kept = _waiting.UnorderedItems
            .Where(static item => !item.Element.Cancelled.IsCancellationRequested).ToArray();
        _waiting.Clear();
        _waiting.EnqueueRange(kept);
    }
}
