using Kaito.InferenceHost.Engine;
using Kaito.InferenceHost.Models;

namespace Kaito.InferenceHost.Generation;

/// <summary>
/// The loop of the engine's thread: drop who left, admit by priority and arrival, step, deliver. Everything here has
/// one owner, so native state needs no lock.
/// </summary>
internal sealed partial class EngineLoop(
    LoadedModel loaded, AdmissionQueue queue, InferenceMetrics metrics, TimeProvider clock, ILogger logger)
    : IDisposable
{
    // Only an upper bound on noticing a shutdown: a new call wakes the loop at once.
    private static readonly TimeSpan s_idle = TimeSpan.FromMilliseconds(200);

    private readonly Dictionary<long, RunningSequence> _running = [];
    private readonly List<RunningSequence> _leaving = [];
    private readonly List<EngineToken> _produced = [];
    private GenerationStream? _head;
    private int _headNext;
    private long _lastId;
    private LoadedModel _loaded = loaded;
    private IInferenceEngine _engine = loaded.Engine;
    private bool _unproven;
    private long _busySince;

    /// <summary>How long the current step takes; <see langword="null"/> between steps. Any thread may ask.</summary>
    public TimeSpan? BusyFor(long now) => Volatile.Read(ref _busySince) is not 0 and var since
        ? clock.GetElapsedTime(since, now)
        : null;

    /// <summary>Runs until drained or told to abort.</summary>
    /// <param name="rebuild">
    /// Loads the model again after a failed step; first calls what it is given, which ends the running calls.
    /// </param>
    /// <param name="draining">Once cancelled, the loop ends when nothing runs or waits.</param>
    /// <param name="abort">Once cancelled, what still runs or waits is ended with reason <c>abort</c>.</param>
    /// <exception cref="EngineException">A rebuilt engine failed before it completed one step.</exception>
    /// <exception cref="ModelLoadException">The engine failed and cannot be rebuilt.</exception>
    public void Run(Func<Action, LoadedModel> rebuild, CancellationToken draining, CancellationToken abort)
    {
        while (!abort.IsCancellationRequested)
        {
            try
            {
                DropCancelled();
                Admit();
                if (_running.Count > 0)
                {
                    Advance();
                    continue;
                }
            }
            catch (EngineException failure)
            {
                Recover(failure, rebuild);
                continue;
            }

            if (draining.IsCancellationRequested && _head is null && queue.Count == 0)
            {
                return;
            }

            queue.WaitForWork(s_idle);
        }

        EndAll(static sequence => sequence.Abort(), "abort");
    }

    /// <summary>Fails whatever runs or waits; the last act of a loop that cannot go on.</summary>
    public void FailAll(string message) => EndAll(sequence => sequence.Fail(message), "error");

    public void Dispose() => _engine.Dispose();

    private void DropCancelled()
    {
        _leaving.Clear();
        foreach (var sequence in _running.Values)
        {
            if (sequence.Call.Cancelled.IsCancellationRequested)
            {
                _leaving.Add(sequence);
            }
        }

        foreach (var sequence in _leaving)
        {
            _engine.Remove(sequence.Id);
            _running.Remove(sequence.Id);
            sequence.Abort();
            metrics.Ended(sequence, "abort", clock.GetTimestamp());
        }
    }

    private void Admit()
    {
        while (TryPeek() is { } sequence)
        {
            if (!TryStart(sequence))
            {
                break;
            }

            _headNext++;
        }

        metrics.Observe(_running.Count, _head is null ? 0 : 1, _engine.Usage);
    }

    // A call stays at the head from its first sequence to its last; until then, only a higher priority overtakes it.
    private RunningSequence? TryPeek()
    {
        if (_headNext == 0 && _head is { Cancelled.IsCancellationRequested: false })
        {
            _head = queue.Exchange(_head);
        }

        while (_head is null || _headNext == _head.Requests.Length || _head.Cancelled.IsCancellationRequested)
        {
            if (!queue.TryDequeue(out var next))
            {
                _head = null;
                return null;
            }

            (_head, _headNext) = (next, 0);
        }

        return Next(_head);
    }

    private RunningSequence Next(GenerationStream call) =>
        new(++_lastId, _headNext, call, _loaded.Model) { Admitted = clock.GetTimestamp() };

    private bool TryStart(RunningSequence sequence)
    {
        try
        {
            if (_engine.TryAdd(sequence.ToEngineSequence()))
            {
                _running.Add(sequence.Id, sequence);
                metrics.Admitted(sequence);
                return true;
            }
        }
        catch (ArgumentException refused)
        {
            LogRefused(refused, sequence.Id);
            sequence.Fail("The engine cannot run this request.");
            return true;
        }

        if (_running.Count > 0)
        {
            return false;
        }

        // Waiting would not help it, and everyone behind it would wait as well.
        sequence.Fail("The engine has no room for this request; make it shorter.");
        return true;
    }

    private void Advance()
    {
        _produced.Clear();
        _leaving.Clear();
        Volatile.Write(ref _busySince, clock.GetTimestamp());
        _engine.Step(_produced);
        Volatile.Write(ref _busySince, 0);
        _unproven = false;
        metrics.Stepped(_produced.Count);
        var now = clock.GetTimestamp();
        foreach (var made in _produced)
        {
            var id = made.SequenceId;
            if (_running.TryGetValue(id, out var sequence))
            {
                var reason = sequence.Accept(made);
                metrics.Token(sequence, now);
                if (reason is not null)
                {
                    _running.Remove(id);
                    _leaving.Add(sequence);
                    metrics.Ended(sequence, reason, now);
                }
            }
        }

        // Once everyone has their token: the engine copies what it remembers of a sequence.
        foreach (var sequence in _leaving)
        {
            _engine.Remove(sequence.Id);
        }
    }

    // A failed step leaves the native state unknown: no request of this batch can go on, nor this engine.
    private void Recover(EngineException failure, Func<Action, LoadedModel> rebuild)
    {
        Volatile.Write(ref _busySince, 0);
        LogStepFailed(failure, _running.Count);
        if (_unproven)
        {
            throw new EngineException("It failed again right after it was rebuilt.", failure);
        }

        _unproven = true;
        _loaded = rebuild(() =>
        {
            EndRunning(
                static sequence => sequence.Fail(
                    "The engine failed while it produced this answer; send the request again."),
                "error");
            _engine.Dispose();
        });
        _engine = _loaded.Engine;
    }

    private void EndRunning(Action<RunningSequence> end, string reason)
    {
        foreach (var sequence in _running.Values)
        {
            _engine.Remove(sequence.Id);
            end(sequence);
            metrics.Ended(sequence, reason, clock.GetTimestamp());
        }

        _running.Clear();
    }

    private void EndAll(Action<RunningSequence> end, string reason)
    {
        EndRunning(end, reason);
        while (TryPeek() is { } waiting)
        {
            end(waiting);
            _headNext++;
        }

        metrics.Observe(0, 0, default);
    }

    [LoggerMessage(LogLevel.Error, "A decode step failed; {Count} sequences were answered with an error")]
    private partial void LogStepFailed(Exception failure, int count);

    [LoggerMessage(LogLevel.Error, "The engine refused sequence {SequenceId}")]
    private partial void LogRefused(Exception failure, long sequenceId);
}
