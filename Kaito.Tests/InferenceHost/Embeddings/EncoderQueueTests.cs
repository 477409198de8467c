using Kaito.Embeddings;

namespace Kaito.Tests.InferenceHost.Embeddings;

public sealed class EncoderQueueTests
{
    [Fact]
    public void Take_MixedLengths_BatchesOfOneLaneInOrder()
    {
        var queue = new EncoderQueue(mostJobs: 10, mostRows: 4, mostTokens: 1000);
        var job = Job(3, 50, 5, 8, 52, 2, 7);

        Assert.True(queue.TryAdd(job));

        Assert.Equal([0, 2, 3, 5], Indices(queue));
        Assert.Equal([1, 4], Indices(queue));
        Assert.Equal([6], Indices(queue));
        Assert.Empty(queue.Take());
        Assert.Equal(0, queue.Count);
    }

    [Fact]
    public void Take_ManyTokens_StaysBelowTheBound()
    {
        var queue = new EncoderQueue(mostJobs: 10, mostRows: 32, mostTokens: 128);
        queue.TryAdd(Job(60, 60, 60, 500));

        Assert.Equal([2, 1, 1], new[] { queue.Take().Count, queue.Take().Count, queue.Take().Count });
        Assert.Empty(queue.Take());
    }

    [Fact]
    public void Take_LargeJobBeforeASmallOne_TheSmallOneComesNext()
    {
        var queue = new EncoderQueue(mostJobs: 10, mostRows: 4, mostTokens: 1000);
        var large = Job([.. Enumerable.Repeat(5, 400)]);
        var small = Job(5, 5);
        queue.TryAdd(large);
        _ = queue.Take();
        queue.TryAdd(small);

        var next = queue.Take();

        Assert.Equal(2, next.Count(row => ReferenceEquals(row.Job, small)));
    }

    [Fact]
    public async Task Take_CancelledJob_LeavesItOutAndEndsIt()
    {
        using var cancelled = new CancellationTokenSource();
        var queue = new EncoderQueue(mostJobs: 10, mostRows: 4, mostTokens: 1000);
        var gone = new EncoderJob([[1], [2]], cancelled.Token);
        queue.TryAdd(gone);
        queue.TryAdd(Job(1));
        await cancelled.CancelAsync();

        Assert.Single(queue.Take());

        Assert.True(gone.Answer.IsCanceled);
        Assert.Equal(0, queue.Count);
    }

    [Fact]
    public void TryAdd_FullOrClosed_IsFalse()
    {
        var queue = new EncoderQueue(mostJobs: 1, mostRows: 4, mostTokens: 1000);

        Assert.True(queue.TryAdd(Job(1)));
        Assert.False(queue.TryAdd(Job(1)));
        _ = queue.Take();
        queue.Close();
        Assert.False(queue.TryAdd(Job(1)));
    }

    [Fact]
    public void Lane_AnyLength_PadsByAtMostAQuarterOrSeven() => Assert.All(
        Enumerable.Range(1, 8192),
        tokens => Assert.InRange(EncoderQueue.Lane(tokens) - tokens, 0, Math.Max(7, tokens / 4)));

    private static EncoderJob Job(params int[] lengths) =>
        new([.. lengths.Select(length => new int[length])], CancellationToken.None);

    private static IEnumerable<int> Indices(EncoderQueue queue) => queue.Take().Select(row => row.Index);
}
