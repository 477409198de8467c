namespace Kaito.Tests.Operator.Scenarios.Faults;

/// <summary>The computer's clock, which can be moved on: timers that were due meanwhile fire.</summary>
internal sealed class ShiftedTime : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly HashSet<ShiftedTimer> _timers = [];
    private TimeSpan _passed;
    private TimeSpan _skew;

    public override long TimestampFrequency => System.TimestampFrequency;

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + _passed + _skew;

    public override long GetTimestamp() =>
        System.GetTimestamp() + (long)(_passed.TotalSeconds * System.TimestampFrequency);

    /// <summary>Lets time pass at once.</summary>
    public void Advance(TimeSpan by)
    {
        ShiftedTimer[] timers;
        lock (_gate)
        {
            _passed += by;
            timers = [.. _timers];
        }

        foreach (var timer in timers)
        {
            timer.Hasten(by);
        }
    }

    /// <summary>Sets the wall clock wrong; no time passes.</summary>
    public void Skew(TimeSpan by) => _skew = by;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ShiftedTimer(this, callback, state);
        lock (_gate)
        {
            _timers.Add(timer);
        }

        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class ShiftedTimer : ITimer
    {
        private readonly ShiftedTime _clock;
        private readonly ITimer _inner;
        private TimeSpan? _due;
        private TimeSpan _period;

        public ShiftedTimer(ShiftedTime clock, TimerCallback callback, object? state)
        {
            _clock = clock;
            _inner = System.CreateTimer(callback, state, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (_clock._gate)
            {
                _due = dueTime == Timeout.InfiniteTimeSpan ? null : System.GetElapsedTime(0) + dueTime;
                _period = period;
            }

            return _inner.Change(dueTime, period);
        }

        // One that has fired already is not changed: what is past is due at once, and once only.
        public void Hasten(TimeSpan by)
        {
            TimeSpan left;
            lock (_clock._gate)
            {
                if (_due is not { } due || due < System.GetElapsedTime(0))
                {
                    return;
                }

                _due = due - by;
                left = due - by - System.GetElapsedTime(0);
            }

            try
            {
                _inner.Change(left > TimeSpan.Zero ? left : TimeSpan.Zero, _period);
            }
            catch (ObjectDisposedException)
            {
                // It was meanwhile.
            }
        }

        public void Dispose()
        {
            lock (_clock._gate)
            {
                _clock._timers.Remove(this);
            }

            _inner.Dispose();
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
