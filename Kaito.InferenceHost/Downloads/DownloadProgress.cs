namespace Kaito.InferenceHost.Downloads;

/// <summary>How far the download has come, for the gauges. One writer, any number of readers.</summary>
internal sealed class DownloadProgress(TimeProvider clock)
{
    private const int Samples = 5;

    private static readonly TimeSpan s_every = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private readonly Queue<(long At, long Bytes)> _seen = new();
    private long _expected;
    private long _have;
    private bool _done = true;

    /// <summary>Bytes per second over the last ten seconds or so; never negative.</summary>
    public double Speed
    {
        get
        {
            lock (_lock)
            {
                return SpeedNow();
            }
        }
    }

    /// <summary>Seconds until it is here: 0 when it is, -1 when nobody can say.</summary>
    public double Remaining
    {
        get
        {
            lock (_lock)
            {
                var speed = SpeedNow();
                return _done ? 0
                    : _expected <= 0 || speed <= 0 ? -1
                    : Math.Max(0, _expected - _have) / speed;
            }
        }
    }

    /// <param name="expected">Bytes of all files; 0 when nobody knows.</param>
    /// <param name="have">Bytes that are here already.</param>
    public void Begin(long expected, long have)
    {
        lock (_lock)
        {
            (_expected, _have, _done) = (expected, have, false);
            _seen.Clear();
            _seen.Enqueue((clock.GetTimestamp(), have));
        }
    }

    /// <param name="bytes">Negative when bytes turned out to be wrong.</param>
    public void Add(long bytes)
    {
        lock (_lock)
        {
            _have += bytes;
            Sample();
        }
    }

    public void End()
    {
        lock (_lock)
        {
            _done = true;
        }
    }

    private double SpeedNow()
    {
        if (_done || _seen.Count == 0)
        {
            return 0;
        }

        Sample();
        var (at, bytes) = _seen.Peek();
        var seconds = clock.GetElapsedTime(at).TotalSeconds;
        return seconds <= 0 ? 0 : Math.Max(0, (_have - bytes) / seconds);
    }

    private void Sample()
    {
        var now = clock.GetTimestamp();
        if (_seen.Count == 0 || clock.GetElapsedTime(_seen.Last().At, now) >= s_every)
        {
            _seen.Enqueue((now, _have));
        }

        while (_seen.Count > Samples + 1)
        {
            _seen.Dequeue();
        }
    }
}
