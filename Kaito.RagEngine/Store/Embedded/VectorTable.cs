using System.Numerics.Tensors;

namespace Kaito.RagEngine.Store.Embedded;

/// <summary>
/// The vectors of one index in memory, in contiguous blocks; search is exact. Thread-safe; searches share it and changes
/// exclude them.
/// </summary>
/// <param name="dimensions">Numbers of one vector.</param>
internal sealed class VectorTable(int dimensions) : IDisposable
{
    private const int BlockRows = 256;

    // Below this the threads cost more than they save.
    private const int WorkerRows = 8192;

    private readonly ReaderWriterLockSlim _gate = new();
    private readonly List<float[]> _blocks = [];
    private readonly List<long> _ids = [];
    private readonly Dictionary<long, int> _rows = [];

    public int Count
    {
        get
        {
            using var reading = Hold.Read(_gate);
            return _ids.Count;
        }
    }

    /// <summary>Adds and removes vectors at once: a search sees all of the change or none.</summary>
    /// <param name="added">New ids with their vectors.</param>
    /// <param name="removed">Ids that may be unknown.</param>
    public void Change(IEnumerable<(long Id, ReadOnlyMemory<float> Vector)> added, IEnumerable<long> removed)
    {
        using var writing = Hold.Write(_gate);
        foreach (var id in removed)
        {
            Remove(id);
        }

        foreach (var (id, vector) in added)
        {
            Add(id, vector.Span);
        }
    }

    /// <summary>Adds one vector while nobody searches yet.</summary>
    public void Load(long id, ReadOnlySpan<float> vector)
    {
        using var writing = Hold.Write(_gate);
        Add(id, vector);
    }

    /// <summary>The ids whose vectors have the largest product with a vector, largest first; ties by id.</summary>
    /// <param name="query">Shape [dimensions].</param>
    /// <param name="count">Most results.</param>
    /// <param name="allowed">Restricts the search; <see langword="null"/> for all.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    public List<(long Id, float Score)> Search(
        ReadOnlyMemory<float> query, int count, IReadOnlyCollection<long>? allowed, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(query.Length, dimensions);
        using var reading = Hold.Read(_gate);
        var best = allowed is null
            ? All(query, count, cancellationToken)
            : Some(query.Span, count, allowed);
        return best.Drain();
    }

    /// <summary>The product with one vector; <see langword="null"/> for an unknown id.</summary>
    public float? Score(long id, ReadOnlySpan<float> query)
    {
        using var reading = Hold.Read(_gate);
        return _rows.TryGetValue(id, out var row) ? TensorPrimitives.Dot(query, Row(row)) : null;
    }

    /// <summary>A copy of one vector; empty for an unknown id.</summary>
    public float[] Copy(long id)
    {
        using var reading = Hold.Read(_gate);
        return _rows.TryGetValue(id, out var row) ? Row(row).ToArray() : [];
    }

    public void Dispose()
    {
        try
        {
            _gate.Dispose();
        }
        catch (SynchronizationLockException)
        {
            // A search still holds it, and ends by itself.
        }
    }

    private BestRows All(ReadOnlyMemory<float> query, int count, CancellationToken cancellationToken)
    {
        var workers = Math.Clamp(_ids.Count / WorkerRows, 1, Environment.ProcessorCount);
        if (workers == 1)
        {
            return Scan(query.Span, count, 0, 1, cancellationToken);
        }

        var parts = new BestRows[workers];
        Parallel.For(
            0, workers, new ParallelOptions { CancellationToken = cancellationToken },
            worker => parts[worker] = Scan(query.Span, count, worker, workers, cancellationToken));
        foreach (var part in parts.AsSpan(1))
        {
            parts[0].Take(part);
        }

        return parts[0];
    }

    private BestRows Scan(
        ReadOnlySpan<float> query, int count, int first, int step, CancellationToken cancellationToken)
    {
        var best = new BestRows(count);
        for (var block = first; block < _blocks.Count; block += step)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var start = block * BlockRows;
            var vectors = _blocks[block].AsSpan();
            var rows = Math.Min(BlockRows, _ids.Count - start);
            for (var row = 0; row < rows; row++)
            {
                var score = TensorPrimitives.Dot(query, vectors.Slice(row * dimensions, dimensions));
                if (score >= best.Floor)
                {
                    best.Offer(_ids[start + row], score);
                }
            }
        }

        return best;
    }

    private BestRows Some(ReadOnlySpan<float> query, int count, IReadOnlyCollection<long> allowed)
    {
        var best = new BestRows(count);
        foreach (var id in allowed)
        {
            if (_rows.TryGetValue(id, out var row))
            {
                best.Offer(id, TensorPrimitives.Dot(query, Row(row)));
            }
        }

        return best;
    }

    private Span<float> Row(int row) =>
        _blocks[row / BlockRows].AsSpan(row % BlockRows * dimensions, dimensions);

    private void Add(long id, ReadOnlySpan<float> vector)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(vector.Length, dimensions);
        if (_ids.Count == _blocks.Count * BlockRows)
        {
            _blocks.Add(GC.AllocateUninitializedArray<float>(BlockRows * dimensions));
        }

        vector.CopyTo(Row(_ids.Count));
        _rows.Add(id, _ids.Count);
        _ids.Add(id);
    }

    // The last row takes the place of the removed one.
    private void Remove(long id)
    {
        if (!_rows.Remove(id, out var row))
        {
            return;
        }

        var last = _ids.Count - 1;
        if (row != last)
        {
            Row(last).CopyTo(Row(row));
            _ids[row] = _ids[last];
            _rows[_ids[row]] = row;
        }

        _ids.RemoveAt(last);
        if (_blocks.Count > last / BlockRows + 1)
        {
            _blocks.RemoveAt(_blocks.Count - 1);
        }
    }

    private readonly struct Hold : IDisposable
    {
        private readonly ReaderWriterLockSlim _gate;
        private readonly bool _writes;

        private Hold(ReaderWriterLockSlim gate, bool writes) => (_gate, _writes) = (gate, writes);

        public static Hold Read(ReaderWriterLockSlim gate)
        {
            gate.EnterReadLock();
            return new(gate, false);
        }

        public static Hold Write(ReaderWriterLockSlim gate)
        {
            gate.EnterWriteLock();
            return new(gate, true);
        }

        public void Dispose()
        {
            if (_writes)
            {
                _gate.ExitWriteLock();
            }
            else
            {
                _gate.ExitReadLock();
            }
        }
    }
}

/// <summary>The best so many of what is offered; the lower id wins a tie.</summary>
internal sealed class BestRows(int count)
{
    private readonly PriorityQueue<long, (float Score, long Reverse)> _kept = new(count + 1);

    /// <summary>Nothing below it can be kept.</summary>
    public float Floor { get; private set; } = float.NegativeInfinity;

    public void Offer(long id, float score)
    {
        if (_kept.Count < count)
        {
            _kept.Enqueue(id, (score, -id));
        }
        else if (count > 0)
        {
            _kept.EnqueueDequeue(id, (score, -id));
        }

        if (_kept.Count == count && _kept.TryPeek(out _, out var lowest))
        {
            Floor = lowest.Score;
        }
    }

    public void Take(BestRows other)
    {
        foreach (var (id, (score, _)) in other._kept.UnorderedItems)
        {
            Offer(id, score);
        }
    }

    /// <summary>Best first; leaves nothing.</summary>
    public List<(long Id, float Score)> Drain()
    {
        var rows = new List<(long Id, float Score)>(_kept.Count);
        while (_kept.TryDequeue(out var id, out var rank))
        {
            rows.Add((id, rank.Score));
        }

        rows.Reverse();
        return rows;
    }
}
