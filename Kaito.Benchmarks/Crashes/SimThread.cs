namespace Kaito.Benchmarks.Crashes;

/// <summary>
/// Where the continuations of one process run, one at a time and in order. A process that nobody steps any more is dead
/// between two instructions.
/// </summary>
internal sealed class SimThread : SynchronizationContext
{
    private readonly Queue<(SendOrPostCallback Callback, object? State)> _due = new();

    public bool IsIdle => _due.Count == 0;

    public override void Post(SendOrPostCallback d, object? state) => _due.Enqueue((d, state));

    public override void Send(SendOrPostCallback d, object? state) => d(state);

    /// <summary>Runs one continuation.</summary>
    public void Step()
    {
        var (callback, state) = _due.Dequeue();
        Run(() => callback(state));
    }

    public void Run(Action work)
    {
        var before = Current;
        SetSynchronizationContext(this);
        try
        {
            work();
        }
        finally
        {
            SetSynchronizationContext(before);
        }
    }
}
