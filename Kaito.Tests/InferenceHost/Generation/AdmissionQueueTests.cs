using Kaito.InferenceHost.Generation;

namespace Kaito.Tests.InferenceHost.Generation;

public sealed class AdmissionQueueTests
{
    [Fact]
    public void TryDequeue_Priorities_LowerFirstAndThenByArrival()
    {
        using var queue = new AdmissionQueue(10);
        var calls = new[] { 0, 5, -1, 0, 5, -1 }.Select(static priority => Call(priority)).ToArray();
        Assert.All(calls, call => Assert.True(queue.TryEnqueue(call)));

        Assert.Equal(new[] { 2, 5, 0, 3, 1, 4 }.Select(at => calls[at]), Drain(queue));
    }

    [Fact]
    public void Exchange_HigherPriorityCame_TakesItsPlaceAndPutsItBackFirst()
    {
        using var queue = new AdmissionQueue(10);
        var (head, equal, higher) = (Call(0), Call(0), Call(-1));
        Assert.True(queue.TryEnqueue(equal));
        Assert.Same(head, queue.Exchange(head));
        Assert.True(queue.TryEnqueue(higher));

        Assert.Same(higher, queue.Exchange(head));

        Assert.Equal([head, equal], Drain(queue));
    }

    [Fact]
    public async Task TryEnqueue_FullOfCallsWhoseClientsLeft_TakesTheirPlace()
    {
        using var queue = new AdmissionQueue(2);
        using var left = new CancellationTokenSource();
        var (stays, comes) = (Call(0), Call(0));
        Assert.True(queue.TryEnqueue(Call(0, left)));
        Assert.True(queue.TryEnqueue(stays));
        Assert.False(queue.TryEnqueue(comes));

        await left.CancelAsync();

        Assert.True(queue.TryEnqueue(comes));
        Assert.Equal([stays, comes], Drain(queue));
    }

    private static List<GenerationStream> Drain(AdmissionQueue queue)
    {
        var drained = new List<GenerationStream>();
        while (queue.TryDequeue(out var call))
        {
            drained.Add(call);
        }

        return drained;
    }

    private static GenerationStream Call(int priority, CancellationTokenSource? client = null) => new(
        [new(new[] { 65 }, 1, SamplingParameters.Greedy, StopRules.None) { Priority = priority }], 0, client?.Token ?? default);
}
