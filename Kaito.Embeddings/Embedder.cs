using System.Diagnostics.CodeAnalysis;

namespace Kaito.Embeddings;

/// <summary>
/// Owns the thread that runs the encoder: takes jobs from any thread, runs them in batches, answers each when its last
/// text is done.
/// </summary>
public sealed class Embedder : IDisposable
{
    /// <summary>Texts of a batch.</summary>
    public const int MostRows = 32;

    /// <summary>Tokens of a batch, padding included.</summary>
    public const int MostTokens = 8192;

    // Only an upper bound on noticing the end: a new job wakes the thread at once.
    private static readonly TimeSpan s_idle = TimeSpan.FromSeconds(1);

    private readonly EncoderSession _session;
    private readonly EncoderQueue _queue;
    private readonly TimeProvider _clock;
    private readonly TimeSpan _grace;
    private readonly SemaphoreSlim _work = new(0);
    private readonly Thread _thread;
    private volatile bool _closing;
    private volatile bool _abort;
    private long _busySince;

    /// <param name="session">The model; disposed with this.</param>
    /// <param name="mostJobs">Jobs that may wait.</param>
    /// <param name="grace">How long jobs may go on when this is disposed.</param>
    /// <param name="clock">Measures how long a batch takes.</param>
    public Embedder(EncoderSession session, int mostJobs, TimeSpan grace, TimeProvider clock)
    {
        (_session, _grace, _clock) = (session, grace, clock);
        _queue = new(mostJobs, MostRows, MostTokens);
        _thread = new(Run) { IsBackground = true, Name = "embedder" };
        _thread.Start();
    }

    /// <summary>Numbers of one vector.</summary>
    public int Width => _session.Width;

    /// <summary>Jobs that wait.</summary>
    public int Waiting => _queue.Count;

    /// <summary>How long the current batch takes; <see langword="null"/> between batches.</summary>
    public TimeSpan? BusyFor => Volatile.Read(ref _busySince) is not 0 and var since
        ? _clock.GetElapsedTime(since)
        : null;

    /// <summary>
    /// Queues texts, or returns <see langword="false"/> at once when too many wait or the model is being unloaded.
    /// </summary>
    /// <param name="texts">Token ids, at least one text of at least one token each.</param>
    /// <param name="cancelled">Ends the job between batches.</param>
    /// <param name="vectors">One per text, in order; pooled and not normalized.</param>
    public bool TryEmbed(
        IReadOnlyList<int[]> texts, CancellationToken cancelled, [NotNullWhen(true)] out Task<float[][]>? vectors)
    {
        var job = new EncoderJob(texts, cancelled);
        vectors = null;
        if (!_queue.TryAdd(job))
        {
            return false;
        }

        _work.Release();
        vectors = job.Answer;
        return true;
    }

    /// <summary>Ends what waits within the grace, then cuts off the rest.</summary>
    public void Dispose()
    {
        _queue.Close();
        _closing = true;
        _work.Release();
        if (!_thread.Join(_grace))
        {
            _abort = true;
            _session.Terminate();
        }

        // A thread that still sits in native code keeps these; the process is about to end.
        if (_thread.Join(TimeSpan.FromSeconds(2)))
        {
            _work.Dispose();
            _session.Dispose();
        }
    }

    private void Run()
    {
        while (true)
        {
            var batch = _queue.Take();
            if (batch.Count > 0)
            {
                Answer(batch);
            }
            else if (_closing && _queue.Count == 0)
            {
                return;
            }
            else
            {
                _work.Wait(s_idle);
            }
        }
    }

    private void Answer(List<EncoderRow> batch)
    {
        if (_abort)
        {
            Fail(batch, new("The server is shutting down; retry on another replica."));
            return;
        }

        Volatile.Write(ref _busySince, _clock.GetTimestamp());
        try
        {
            var vectors = _session.Embed([.. batch.Select(static row => row.Tokens)]);
            for (var row = 0; row < batch.Count; row++)
            {
                batch[row].Job.Set(batch[row].Index, vectors[row]);
            }
        }
        catch (EncoderException failure)
        {
            Fail(batch, failure);
        }
        catch (Exception failure)
        {
            // Whatever it is, these clients wait for an answer and those after them for this thread.
            Fail(batch, new($"The model failed: {failure.Message}", failure));
        }
        finally
        {
            Volatile.Write(ref _busySince, 0);
        }
    }

    private static void Fail(List<EncoderRow> batch, EncoderException failure)
    {
        foreach (var row in batch)
        {
            row.Job.Fail(failure);
        }
    }
}
