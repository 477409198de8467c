using System.Numerics;
using System.Runtime.InteropServices;

namespace Kaito.Embeddings;

/// <summary>Texts that are embedded together and answered together.</summary>
/// <param name="texts">Token ids, at least one text of at least one token.</param>
/// <param name="cancelled">Ends it between batches.</param>
internal sealed class EncoderJob(IReadOnlyList<int[]> texts, CancellationToken cancelled)
{
    private readonly TaskCompletionSource<float[][]> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly float[][] _vectors = new float[texts.Count][];
    private int _missing = texts.Count;

    public IReadOnlyList<int[]> Texts => texts;

    public bool Cancelled => cancelled.IsCancellationRequested;

    /// <summary>One vector per text, in order; cancelled or failed when the job is.</summary>
    public Task<float[][]> Answer => _answer.Task;

    /// <summary>True when nothing is to be computed for it any more.</summary>
    public bool Ended => _answer.Task.IsCompleted;

    public void Set(int index, float[] vector)
    {
        _vectors[index] = vector;
        if (--_missing == 0)
        {
            _answer.TrySetResult(_vectors);
        }
    }

    public void Cancel() => _answer.TrySetCanceled(cancelled);

    public void Fail(EncoderException failure) => _answer.TrySetException(failure);
}

/// <summary>One text of a job.</summary>
internal readonly record struct EncoderRow(EncoderJob Job, int Index)
{
    public int[] Tokens => Job.Texts[Index];
}

/// <summary>
/// Texts that wait, in lanes of about the same length, so that little of a batch is padding. A job's texts come up in
/// rounds: a job of thousands does not keep one of a few waiting. Thread-safe.
/// </summary>
/// <param name="mostJobs">Jobs that may wait; past it the caller says so at once.</param>
/// <param name="mostRows">Texts of a batch.</param>
/// <param name="mostTokens">Tokens of a batch, padding included; one text may be longer.</param>
internal sealed class EncoderQueue(int mostJobs, int mostRows, int mostTokens)
{
    private const int ShortestLane = 8;

    private readonly Lock _lock = new();
    private readonly SortedDictionary<int, PriorityQueue<EncoderRow, (long Round, long Order)>> _lanes = [];
    private readonly Dictionary<EncoderJob, int> _waiting = [];
    private long _round;
    private long _order;
    private bool _closed;

    /// <summary>Jobs of which a text waits.</summary>
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

    /// <summary>
    /// The length to which the texts of a lane may be padded: a quarter more than their own, or seven.
    /// </summary>
    public static int Lane(int tokens)
    {
        var step = Math.Max(ShortestLane, (int)(BitOperations.RoundUpToPowerOf2((uint)tokens) / 8));
        return (tokens + step - 1) / step * step;
    }

    /// <summary>Returns <see langword="false"/> when the queue is full or closed.</summary>
    public bool TryAdd(EncoderJob job)
    {
        lock (_lock)
        {
            if (_closed || _waiting.Count >= mostJobs)
            {
                return false;
            }

            _waiting.Add(job, job.Texts.Count);
            for (var index = 0; index < job.Texts.Count; index++)
            {
                var lane = Lane(job.Texts[index].Length);
                if (!_lanes.TryGetValue(lane, out var rows))
                {
                    _lanes[lane] = rows = new();
                }

                rows.Enqueue(new(job, index), (_round + (index / mostRows), _order++));
            }

            return true;
        }
    }

    /// <summary>Takes the texts whose turn it is, all of one lane; none when none wait.</summary>
    public List<EncoderRow> Take()
    {
        lock (_lock)
        {
            while (First() is var (lane, rows))
            {
                var batch = new List<EncoderRow>();
                while (rows.Count > 0 && (batch.Count == 0
                    || (batch.Count < mostRows && (batch.Count + 1) * lane <= mostTokens)))
                {
                    rows.TryDequeue(out var row, out var turn);
                    _round = Math.Max(_round, turn.Round);
                    Leave(row.Job);
                    if (row.Job.Cancelled)
                    {
                        row.Job.Cancel();
                    }
                    else if (!row.Job.Ended)
                    {
                        batch.Add(row);
                    }
                }

                if (rows.Count == 0)
                {
                    _lanes.Remove(lane);
                }

                if (batch.Count > 0)
                {
                    return batch;
                }
            }

            return [];
        }
    }

    /// <summary>Refuses new jobs; those that wait stay.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _closed = true;
        }
    }

    private (int Lane, PriorityQueue<EncoderRow, (long Round, long Order)> Rows)? First()
    {
        (int, PriorityQueue<EncoderRow, (long Round, long Order)>)? first = null;
        var earliest = (long.MaxValue, long.MaxValue);
        foreach (var (lane, rows) in _lanes)
        {
            if (rows.TryPeek(out _, out var turn) && turn.CompareTo(earliest) < 0)
            {
                (first, earliest) = ((lane, rows), turn);
            }
        }

        return first;
    }

    private void Leave(EncoderJob job)
    {
        ref var left = ref CollectionsMarshal.GetValueRefOrNullRef(_waiting, job);
        if (--left == 0)
        {
            _waiting.Remove(job);
        }
    }
}
