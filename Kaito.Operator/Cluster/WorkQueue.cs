namespace Kaito.Operator.Cluster;

/// <summary>
/// Keys waiting for work. A key waits once however often it is added, is never with two workers at a time, and is
/// handed out again when it was added while a worker had it. Nothing is ever dropped; there are as many entries as
/// keys.
/// </summary>
internal sealed class WorkQueue(TimeProvider clock) : IDisposable
{
    private static readonly TimeSpan s_firstDelay = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_longestDelay = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly Queue<string> _ready = new();
    private readonly HashSet<string> _wanted = [];
    private readonly HashSet<string> _taken = [];
    private readonly Dictionary<string, int> _failures = [];
    private readonly Dictionary<string, (DateTimeOffset Due, ITimer Timer)> _delayed = [];
    private readonly LinkedList<TaskCompletionSource> _waiting = [];
    private long _adds;
    private long _retries;

    /// <summary>Keys that could be handed out now.</summary>
    public int Depth
    {
        get
        {
            lock (_gate)
            {
                return _ready.Count;
            }
        }
    }

    /// <summary>Keys that were made to wait since the start.</summary>
    public long Adds => Interlocked.Read(ref _adds);

    /// <summary>Keys that came back after a failure.</summary>
    public long Retries => Interlocked.Read(ref _retries);

    public void Add(string key)
    {
        lock (_gate)
        {
            AddLocked(key);
        }
    }

    /// <summary>Adds the key later; the earliest of several delays counts.</summary>
    public void AddAfter(string key, TimeSpan delay)
    {
        lock (_gate)
        {
            var due = clock.GetUtcNow() + delay;
            if (_delayed.TryGetValue(key, out var waiting))
            {
                if (waiting.Due <= due)
                {
                    return;
                }

                waiting.Timer.Dispose();
            }

            _delayed[key] = (due, clock.CreateTimer(Fire, key, delay, Timeout.InfiniteTimeSpan));
        }
    }

    /// <summary>Adds the key after a delay that doubles with each failure in a row, up to a minute.</summary>
    /// <returns>The delay.</returns>
    public TimeSpan Retry(string key)
    {
        TimeSpan delay;
        Interlocked.Increment(ref _retries);
        lock (_gate)
        {
            var failures = _failures.GetValueOrDefault(key);
            _failures[key] = failures + 1;
            delay = failures > 20 ? s_longestDelay : s_firstDelay * Math.Pow(2, failures);
        }

        delay = delay < s_longestDelay ? delay : s_longestDelay;
        AddAfter(key, delay);
        return delay;
    }

    /// <summary>Ends the row of failures.</summary>
    public void Forget(string key)
    {
        lock (_gate)
        {
            _failures.Remove(key);
        }
    }

    /// <summary>Waits for a key; give it back with <see cref="Done"/>.</summary>
    public async Task<string> TakeAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            LinkedListNode<TaskCompletionSource> turn;
            lock (_gate)
            {
                if (_ready.TryDequeue(out var key))
                {
                    _wanted.Remove(key);
                    _taken.Add(key);
                    return key;
                }

                turn = _waiting.AddLast(new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            }

            await using (cancellationToken.UnsafeRegister(
                static waiting => ((TaskCompletionSource)waiting!).TrySetResult(), turn.Value))
            {
                await turn.Value.Task;
            }

            if (cancellationToken.IsCancellationRequested)
            {
                Leave(turn);
            }
        }
    }

    public void Done(string key)
    {
        lock (_gate)
        {
            _taken.Remove(key);
            if (_wanted.Contains(key))
            {
                Offer(key);
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var (_, timer) in _delayed.Values)
            {
                timer.Dispose();
            }

            _delayed.Clear();
        }
    }

    private void AddLocked(string key)
    {
        if (_wanted.Add(key))
        {
            _adds++;
            if (!_taken.Contains(key))
            {
                Offer(key);
            }
        }
    }

    private void Offer(string key)
    {
        _ready.Enqueue(key);
        Wake();
    }

    private void Wake()
    {
        if (_waiting.First is { } first)
        {
            _waiting.RemoveFirst();
            first.Value.TrySetResult();
        }
    }

    // Who gives up after it was woken wakes the next.
    private void Leave(LinkedListNode<TaskCompletionSource> turn)
    {
        lock (_gate)
        {
            if (turn.List is not null)
            {
                _waiting.Remove(turn);
            }
            else if (_ready.Count > 0)
            {
                Wake();
            }
        }
    }

    private void Fire(object? state)
    {
        lock (_gate)
        {
            var key = (string)state!;
            if (_delayed.Remove(key, out var waiting))
            {
                waiting.Timer.Dispose();
                AddLocked(key);
            }
        }
    }
}
