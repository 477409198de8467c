using System.Collections.Concurrent;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaito.Tests.Operator.Cluster;

public sealed class InformerTests : IAsyncDisposable
{
    private readonly MemoryKubeApi _api = new();
    private readonly ManualTime _clock = ManualTime.AtEpoch();
    private readonly ConcurrentQueue<string> _changed = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Informer<Pod> _informer;
    private Task _run = Task.CompletedTask;

    public InformerTests() => _informer = new(_api, KubeKinds.Pods, null, _clock, NullLogger.Instance)
    {
        Changed = pod => _changed.Enqueue($"{pod.Metadata.Name}@{pod.Metadata.ResourceVersion}"),
    };

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run;
        _stop.Dispose();
    }

    [Fact]
    public async Task RunAsync_ListThenEvents_CopyFollows()
    {
        _api.Put(KubeKinds.Pods, Pod("a"));
        await StartAsync();
        _api.Say(new WatchEvent<Pod>.Upserted("5", Pod("b", "5")));
        _api.Say(new WatchEvent<Pod>.Deleted("6", Pod("a", "6")));

        await ChangesAsync(3);

        Assert.Equal(["a@1", "b@5", "a@6"], _changed);
        Assert.Equal(["b"], _informer.All.Select(static p => p.Metadata.Name));
        Assert.Null(_informer.Find("team/a"));
    }

    [Fact]
    public async Task RunAsync_WatchEnds_GoesOnFromTheLastBookmarkWithoutAList()
    {
        await StartAsync();
        _api.Say(new WatchEvent<Pod>.Bookmark("9"));
        _api.Say(null);

        await UntilAsync(() => _api.Reads.Count == 3);

        Assert.Equal(["list", "0", "9"], _api.Reads);
    }

    [Fact]
    public async Task RunAsync_VersionForgotten_ListsAgainAndTellsWhatVanishedAndWhatChanged()
    {
        _api.Put(KubeKinds.Pods, Pod("gone"));
        _api.Put(KubeKinds.Pods, Pod("same"));
        await StartAsync();
        await ChangesAsync(2);
        _changed.Clear();
        _api.Remove(KubeKinds.Pods, Pod("gone"));
        _api.Put(KubeKinds.Pods, Pod("new"));

        _api.Say(new KubeGoneException("Expired", "too old resource version"));
        await ChangesAsync(2);

        Assert.Equal(["new@3", "gone@1"], _changed);
        Assert.Equal(["list", "2", "list"], _api.Reads.Take(3));
        Assert.Equal(["new", "same"], _informer.All.Select(static p => p.Metadata.Name).Order());
    }

    [Fact]
    public async Task RunAsync_ServerFails_TriesAgainLaterAndTellsTheProblemMeanwhile()
    {
        _api.Fault = new HttpRequestException("connection refused");
        _run = _informer.RunAsync(_stop.Token);

        // The first try again is immediate, the second waits.
        await UntilAsync(() => _clock.Waiting == 1);
        Assert.Equal("pods cannot be watched: connection refused", _informer.Problem);
        Assert.False(_informer.Synced.IsCompleted);
        Assert.Equal(2, _api.Reads.Count);

        _api.Fault = null;
        _clock.Advance(TimeSpan.FromSeconds(1));
        await _informer.Synced.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        await UntilAsync(() => _informer.Problem is null);
    }

    [Fact]
    public async Task RunAsync_OnlyAPartIsKept_ChangedGetsTheWhole()
    {
        _informer.Kept = static pod => new() { Metadata = new() { Name = pod.Metadata.Name, Namespace = "team" } };
        _api.Put(KubeKinds.Pods, Pod("a") with { Status = new() { Phase = "Running" } });

        await StartAsync();

        Assert.Null(_informer.Find("team/a")!.Status);
    }

    [Fact]
    public async Task RunAsync_EventsToldAgainOrLate_ChangeNothing()
    {
        await StartAsync();
        _api.Say(new WatchEvent<Pod>.Upserted("5", Pod("a", "5")));
        _api.Say(new WatchEvent<Pod>.Deleted("6", Pod("a", "6")));
        _api.Say(new WatchEvent<Pod>.Upserted("5", Pod("a", "5")));
        _api.Say(new WatchEvent<Pod>.Upserted("7", Pod("b", "7")));
        _api.Say(new WatchEvent<Pod>.Deleted("6", Pod("b", "6")));
        _api.Say(null);

        await UntilAsync(() => _api.Reads.Count == 3);

        Assert.Equal(["a@5", "a@6", "b@7"], _changed);
        Assert.Equal(["b"], _informer.All.Select(static p => p.Metadata.Name));
        Assert.Equal(["list", "0", "7"], _api.Reads);
    }

    [Fact]
    public async Task RunAsync_NobodyWantsAnObject_NothingOfItIsKeptOrTold()
    {
        _informer.Wanted = static pod => pod.Metadata.Labels?.ContainsKey("mine") == true;
        _api.Put(KubeKinds.Pods, Pod("other"));
        _api.Put(KubeKinds.Pods, Mine("a"));
        await StartAsync();
        _api.Say(new WatchEvent<Pod>.Upserted("8", Pod("other", "8")));
        _api.Say(new WatchEvent<Pod>.Upserted("9", Pod("a", "9")));

        await ChangesAsync(2);

        Assert.Equal(["a@2", "a@2"], _changed);
        Assert.Equal(0, _informer.Count);
    }

    [Fact]
    public async Task Index_ObjectsComeChangeAndGo_FindsThoseThatHaveTheValueNow()
    {
        var index = _informer.Index(static pod => pod.Metadata.Labels?.Keys ?? []);
        _api.Put(KubeKinds.Pods, Mine("b"));
        _api.Put(KubeKinds.Pods, Mine("a"));
        _api.Put(KubeKinds.Pods, Mine("c"));
        await StartAsync();
        Assert.Equal(["a", "b", "c"], index["mine"].Select(static p => p.Metadata.Name));

        _api.Say(new WatchEvent<Pod>.Upserted("8", Pod("b", "8")));
        _api.Say(new WatchEvent<Pod>.Deleted("9", Mine("c")));
        await ChangesAsync(5);
        Assert.Equal(["a"], index["mine"].Select(static p => p.Metadata.Name));
        Assert.False(index.Has("other"));

        _api.Say(new WatchEvent<Pod>.Deleted("10", Mine("a")));
        await ChangesAsync(6);
        Assert.Empty(index["mine"]);
        Assert.False(index.Has("mine"));
    }

    private static Pod Mine(string name) => new()
    {
        Metadata = new()
        {
            Name = name,
            Namespace = "team",
            Labels = System.Collections.Immutable.ImmutableSortedDictionary<string, string>.Empty.Add("mine", ""),
        },
    };

    private static Pod Pod(string name, string? version = null) =>
        new() { Metadata = new() { Name = name, Namespace = "team", ResourceVersion = version } };

    private static Task UntilAsync(Func<bool> condition) => Eventually.TrueAsync(
        () => Task.FromResult(condition()), TimeSpan.FromSeconds(10), static () => "the informer is not there yet",
        TestContext.Current.CancellationToken);

    private Task ChangesAsync(int count) => UntilAsync(() => _changed.Count == count);

    private Task StartAsync()
    {
        _run = _informer.RunAsync(_stop.Token);
        return _informer.Synced.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
    }
}
