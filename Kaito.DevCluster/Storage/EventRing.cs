using System.Text.Json.Nodes;

namespace Kaito.DevCluster.Storage;

/// <summary>A stored change. <paramref name="Previous"/> lets a watch with a selector see objects enter and leave it.</summary>
internal sealed record StoredEvent(
    long ResourceVersion, WatchEventType Type, ObjectKey Key, JsonObject Object, JsonObject? Previous);

/// <summary>
/// The latest changes, oldest overwritten first. Readers keep their own position and share the ring, so a slow reader
/// costs no memory: it is told that it fell behind.
/// </summary>
internal sealed class EventRing(int capacity)
{
    private readonly StoredEvent[] _events = new StoredEvent[capacity];
    private readonly Lock _lock = new();
    private long _first;
    private long _next;
    private TaskCompletionSource _grown = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _forgotten;

    /// <summary>Events at or before this version are no longer kept.</summary>
    public long Forgotten
    {
        get
        {
            lock (_lock)
            {
                return _forgotten;
            }
        }
    }

    public void Append(StoredEvent change)
    {
        TaskCompletionSource grown;
        lock (_lock)
        {
            if (_next - _first == capacity)
            {
                _forgotten = _events[_first % capacity].ResourceVersion;
                _first++;
            }

            _events[_next % capacity] = change;
            _next++;
            grown = _grown;
            _grown = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        grown.SetResult();
    }

    /// <summary>Copies events after <paramref name="version"/>; false when some of them are no longer kept.</summary>
    /// <param name="version">The last version that the reader has seen.</param>
    /// <param name="target">Cleared, then filled with at most 256 events.</param>
    /// <param name="grown">Completes when there is more to read after the copied events.</param>
    public bool TryRead(long version, List<StoredEvent> target, out Task grown)
    {
        target.Clear();
        lock (_lock)
        {
            grown = _grown.Task;
            if (version < _forgotten)
            {
                return false;
            }

            var at = FirstAfter(version);
            var end = Math.Min(_next, at + 256);
            for (; at < end; at++)
            {
                target.Add(_events[at % capacity]);
            }

            if (end < _next)
            {
                grown = Task.CompletedTask;
            }
        }

        return true;
    }

    private long FirstAfter(long version)
    {
        var (low, high) = (_first, _next);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_events[middle % capacity].ResourceVersion > version)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return low;
    }
}
