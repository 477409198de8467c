using System.Diagnostics.CodeAnalysis;

namespace Kaito.InferenceHost.Generation;

/// <summary>Calls that wait for a slot: bounded, first in first out, many writers, one reader.</summary>
/// <param name="capacity">Calls that may wait; past it the host says 503 at once.</param>
internal sealed class AdmissionQueue(int capacity) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Queue<GenerationStream> _waiting = new();
    private readonly SemaphoreSlim _work = new(0);
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

            _waiting.Enqueue(call);
        }

        _work.Release();
        return true;
    }

    public bool TryDequeue([NotNullWhen(true)] out GenerationStream? call)
    {
        lock (_lock)
        {
            return _waiting.TryDequeue(out call);
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
        for (var left = _waiting.Count; left > 0; left--)
        {
            var call = _waiting.Dequeue();
            if (!call.Cancelled.IsCancellationRequested)
            {
                _waiting.Enqueue(call);
            }
        }
    }
}
