namespace Kaito.Benchmarks.Crashes;

/// <summary>A clock that moves only when nothing else can happen, to the next timer that is due.</summary>
internal sealed class SimClock : TimeProvider
{
    private readonly PriorityQueue<SimTimer, (long Due, long Serial)> _timers = new();
    private DateTimeOffset _now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private long _serial;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => _now;

    public override long GetTimestamp() => _now.Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new SimTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Moves to the next timer and fires it; false when none is due by then.</summary>
    public bool Advance(DateTimeOffset until)
    {
        while (_timers.TryPeek(out var next, out var due))
        {
            if (next.Due != due.Due)
            {
                _timers.Dequeue();
                continue;
            }

            if (due.Due > until.Ticks)
            {
                return false;
            }

            _timers.Dequeue();
            _now = new(Math.Max(due.Due, _now.Ticks), TimeSpan.Zero);
            next.Fire();
            return true;
        }

        return false;
    }

    private sealed class SimTimer(SimClock clock, TimerCallback callback, object? state) : ITimer
    {
        private TimeSpan _period;

        public long? Due { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            _period = period;
            Due = dueTime == Timeout.InfiniteTimeSpan ? null : (clock._now + dueTime).Ticks;
            if (Due is { } due)
            {
                clock._timers.Enqueue(this, (due, clock._serial++));
            }

            return true;
        }

        public void Fire()
        {
            Due = null;
            if (_period > TimeSpan.Zero)
            {
                Change(_period, _period);
            }

            callback(state);
        }

        public void Dispose() => Due = null;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
