using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaito.Tests.Operator.Cluster;

public sealed class EventRecorderTests : IAsyncDisposable
{
    private readonly MemoryKubeApi _api = new();
    private readonly ManualTime _clock = ManualTime.AtEpoch();
    private readonly CancellationTokenSource _stop = new();
    private readonly EventRecorder _recorder;
    private readonly Task _run;

    public EventRecorderTests()
    {
        _recorder = new(_api, _clock, NullLogger<EventRecorder>.Instance);
        _run = _recorder.RunAsync(_stop.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run;
        _stop.Dispose();
    }

    [Fact]
    public async Task Record_Occurrence_IsWrittenAboutTheObject()
    {
        _recorder.Record(Pod("a"), new(true, "Bad", "very"));

        var written = Assert.Single(await WrittenAsync(1));
        Assert.Equal(("Warning", "Bad", "very", 1), (written.Type, written.Reason, written.Message, written.Count));
        Assert.Equal(
            new() { ApiVersion = "v1", Kind = "Pod", Namespace = "team", Name = "a", Uid = "uid-a" },
            written.InvolvedObject);
        Assert.Equal("team", written.Metadata.Namespace);
    }

    [Fact]
    public async Task Record_SameAgainWithinTenMinutes_IsWrittenOnceThenAgain()
    {
        _recorder.Record(Pod("a"), new(false, "Same", "m"));
        _clock.Advance(TimeSpan.FromMinutes(9));
        _recorder.Record(Pod("a"), new(false, "Same", "m"));
        _recorder.Record(Pod("a"), new(false, "Mark", "m"));
        Assert.Single(await WrittenAsync(2), static e => e.Reason == "Same");

        _clock.Advance(TimeSpan.FromMinutes(1));
        _recorder.Record(Pod("a"), new(false, "Same", "m"));

        Assert.Equal(2, (await WrittenAsync(3)).Count(static e => e.Reason == "Same"));
    }

    [Fact]
    public async Task Record_OtherMessageReasonOrObject_IsAnotherEvent()
    {
        _recorder.Record(Pod("a"), new(false, "R", "m"));
        _recorder.Record(Pod("a"), new(false, "R", "other"));
        _recorder.Record(Pod("a"), new(false, "Other", "m"));
        _recorder.Record(Pod("b"), new(false, "R", "m"));

        Assert.Equal(4, (await WrittenAsync(4)).Length);
    }

    [Fact]
    public async Task Record_ApiRefuses_TheNextEventIsStillWritten()
    {
        _api.Fault = new KubeForbiddenException(System.Net.HttpStatusCode.Forbidden, "Forbidden", "no");
        _recorder.Record(Pod("a"), new(false, "Lost", "m"));
        _api.Fault = null;
        _recorder.Record(Pod("a"), new(false, "Kept", "m"));

        await Eventually.TrueAsync(
            () => Task.FromResult(_api.All<KubeEvent>().Any(static e => e.Reason == "Kept")), TimeSpan.FromSeconds(10),
            static () => "the second event", TestContext.Current.CancellationToken);
    }

    private static Pod Pod(string name) =>
        new() { Metadata = new() { Name = name, Namespace = "team", Uid = $"uid-{name}" } };

    private async Task<KubeEvent[]> WrittenAsync(int count)
    {
        await Eventually.TrueAsync(
            () => Task.FromResult(_api.All<KubeEvent>().Count() >= count), TimeSpan.FromSeconds(10),
            () => $"{count} events", TestContext.Current.CancellationToken);
        return [.. _api.All<KubeEvent>()];
    }
}
