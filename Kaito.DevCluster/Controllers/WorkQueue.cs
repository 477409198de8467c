using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Controllers;

/// <summary>
/// Keys that need a look, each at most once. Bounded by the number of objects. Any thread adds, one loop takes.
/// </summary>
internal sealed class WorkQueue(TimeProvider clock) : IDisposable
{
    private static readonly TimeSpan s_firstRetry = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan s_lastRetry = TimeSpan.FromSeconds(30);

    // Timers reach no further than some weeks; a look too early does no harm.
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(1);
    private readonly Lock _gate = new();
    private readonly Queue<ObjectKey> _ready = new();
    private readonly HashSet<ObjectKey> _queued = [];
    private readonly Dictionary<ObjectKey, int> _failures = [];
    private readonly Dictionary<ObjectKey, (DateTimeOffset Due, ITimer Timer)> _later = [];
    private readonly SemaphoreSlim _signal = new(0);
    private bool _closed;

    /// <summary>Queues the key, unless it waits already.</summary>
    public void Add(ObjectKey key)
    {
        lock (_gate)
        {
            if (_closed || !_queued.Add(key))
            {
                return;
            }

            _ready.Enqueue(key);
            _signal.Release();
        }
    }

    /// <summary>Queues the key after the delay; an earlier appointment stands.</summary>
    public void AddAfter(ObjectKey key, TimeSpan delay)
    {
        if (delay <= TimeSpan.Zero)
        {
            Add(key);
            return;
        }

        delay = delay < s_longest ? delay : s_longest;
        lock (_gate)
        {
            var due = clock.GetUtcNow() + delay;
            if (_closed || (_later.TryGetValue(key, out var earlier) && earlier.Due <= due))
            {
                return;
            }

            earlier.Timer?.Dispose();
            _later[key] = (due, clock.CreateTimer(_ => Fire(key), null, delay, Timeout.InfiniteTimeSpan));
        }
    }

    /// <summary>Queues the key after 5 ms, doubling with each failure up to 30 s.</summary>
    public TimeSpan Retry(ObjectKey key)
    {
        int failures;
        lock (_gate)
        {
            failures = _failures[key] = _failures.GetValueOrDefault(key) + 1;
        }

        var delay = s_firstRetry * Math.Pow(2, Math.Min(failures - 1, 20));
        delay = delay < s_lastRetry ? delay : s_lastRetry;
        AddAfter(key, delay);
        return delay;
    }

    /// <summary>Ends the key's series of failures.</summary>
    public void Forget(ObjectKey key)
    {
        lock (_gate)
        {
            _failures.Remove(key);
        }
    }

    /// <summary>The next key, as soon as there is one.</summary>
    public async Task<ObjectKey> TakeAsync(CancellationToken cancellationToken)
    {
        await _signal.WaitAsync(cancellationToken);
        lock (_gate)
        {
            var key = _ready.Dequeue();
            _queued.Remove(key);
            return key;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _closed = true;
            foreach (var (_, timer) in _later.Values)
            {
                timer.Dispose();
            }

            _later.Clear();
        }

        _signal.Dispose();
    }

    private void Fire(ObjectKey key)
    {
        lock (_gate)
        {
            if (_later.Remove(key, out var entry))
            {
                entry.Timer.Dispose();
            }
        }

        Add(key);
    }
}
