using Kaito.InferenceHost.Generation;
using Microsoft.Extensions.DependencyInjection;

namespace Kaito.Tests.InferenceHost.Generation;

/// <summary>The engine sits in a step that does not end; everything else must go on.</summary>
public sealed class BusyEngineTests : IAsyncDisposable
{
    private const string Path = "/v1/chat/completions";

    private const string Ask = """{"messages":[{"role":"user","content":"hello"}],"temperature":0}""";

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(10);

    private readonly ScriptedEngine _engine = new(slots: 1);
    private InferenceHostFixture? _host;

    [Theory]
    [InlineData("/health")]
    [InlineData("/ping")]
    [InlineData("/metrics")]
    [InlineData("/v1/models")]
    [InlineData("/version")]
    public async Task Get_WhileAStepBlocks_AnswersAtOnce(string path)
    {
        var host = await StartAsync(InferenceHostFixture.Options.StallLimit);
        var running = await BlockAsync(host);

        var (status, _) = await host.GetAsync(path).WaitAsync(s_limit, TestContext.Current.CancellationToken);

        Assert.Equal(200, status);
        Assert.False(running.IsCompleted);
        _engine.Gate.Set();
        Assert.Equal(200, (await running).Status);
    }

    [Fact]
    public async Task Health_WhileAStepBlocks_TakesAtMostFiftyMilliseconds()
    {
        var host = await StartAsync(InferenceHostFixture.Options.StallLimit);
        var running = await BlockAsync(host);
        var took = new List<TimeSpan>();
        for (var i = 0; i < 21; i++)
        {
            var asked = TimeProvider.System.GetTimestamp();
            Assert.Equal(200, (await host.GetAsync("/health")).Status);
            took.Add(TimeProvider.System.GetElapsedTime(asked));
        }

        // The middle one: other tests share this machine's cores.
        Assert.InRange(took.Order().ElementAt(took.Count / 2), TimeSpan.Zero, TimeSpan.FromMilliseconds(50));
        _engine.Gate.Set();
        Assert.Equal(200, (await running).Status);
    }

    [Fact]
    public async Task Health_AStepPastTheLimit_Is503UntilItEnds()
    {
        var host = await StartAsync(TimeSpan.FromMilliseconds(20));
        var running = await BlockAsync(host);

        await InferenceHostFixture.UntilAsync(async () => (await host.GetAsync("/health")).Status == 503);
        Assert.False(running.IsCompleted);

        _engine.Gate.Set();
        Assert.Equal(200, (await running).Status);
        await InferenceHostFixture.UntilAsync(async () => (await host.GetAsync("/health")).Status == 200);
        Assert.Equal(200, (await host.GetAsync("/health")).Status);
    }

    [Theory]
    [InlineData("false")]
    [InlineData("true")]
    public async Task ClientLeaves_RunningCall_FreesItsSlot(string stream)
    {
        var host = await StartAsync(InferenceHostFixture.Options.StallLimit);
        using var leave = new CancellationTokenSource();
        _engine.Gate.Reset();
        var call = host.Client.PostAsync(
            Path, InferenceHostFixture.Json($"{Ask[..^1]},\"stream\":{stream}}}"), leave.Token);
        await InferenceHostFixture.UntilAsync(() => Task.FromResult(_engine.RunningCount == 1));

        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);

        // So the sequence cannot leave in any other way.
        _engine.Silent = true;
        _engine.Gate.Set();
        await InferenceHostFixture.UntilAsync(() => Task.FromResult(_engine.RunningCount == 0));
        _engine.Silent = false;
        Assert.Equal(200, (await host.PostAsync(Path, Ask)).Status);
    }

    [Fact]
    public async Task ClientLeaves_WaitingCall_FreesItsPlaceInTheQueue()
    {
        var host = await StartAsync(InferenceHostFixture.Options.StallLimit);
        var running = await BlockAsync(host);
        using var leave = new CancellationTokenSource();
        var waiting = host.Client.PostAsync(Path, InferenceHostFixture.Json(Ask), leave.Token);
        var scheduler = host.App.Services.GetRequiredService<GenerationScheduler>();
        await InferenceHostFixture.UntilAsync(() => Task.FromResult(scheduler.Waiting == 1));
        Assert.Equal(503, (await host.PostAsync(Path, Ask)).Status);

        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);

        var request = new GenerationRequest(new[] { 65 }, 1, SamplingParameters.Greedy, StopRules.None);
        await InferenceHostFixture.UntilAsync(
            () => Task.FromResult(scheduler.TrySubmit([request], CancellationToken.None, out _)));
        _engine.Gate.Set();
        Assert.Equal(200, (await running).Status);
    }

    [Fact]
    public async Task Step_SeveralEnd_AllAreToldBeforeTheEngineForgetsAny()
    {
        using var told = new ManualResetEventSlim();
        using var engine = new ScriptedEngine(slots: 2) { Removing = () => told.Wait(TimeSpan.FromMinutes(1)) };
        await using var host = await InferenceHostFixture.StartAsync(() => ScriptedEngine.Load(engine));

        var (status, _) = await host.PostAsync(Path, """{"messages":[{"role":"user","content":"hello"}],"n":2,"seed":1}""")
            .WaitAsync(s_limit, TestContext.Current.CancellationToken);

        Assert.Equal(200, status);
        Assert.Equal(2, engine.RunningCount);
        told.Set();
        await InferenceHostFixture.UntilAsync(() => Task.FromResult(engine.RunningCount == 0));
    }

    [Fact]
    public async Task Stop_WhileTheModelLoads_DoesNotWaitForIt()
    {
        using var loading = new ManualResetEventSlim();
        var host = await InferenceHostFixture.StartAsync(
            () =>
            {
                loading.Wait(TimeSpan.FromMinutes(1));
                return ScriptedEngine.Load(_engine);
            },
            InferenceHostFixture.Options with { ShutdownGrace = TimeSpan.FromMinutes(10) },
            untilReady: false);

        await host.App.StopAsync(TestContext.Current.CancellationToken)
            .WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        Assert.False(loading.IsSet);
        loading.Set();
        await host.DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _engine.Gate.Set();
        if (_host is not null)
        {
            await _host.DisposeAsync();
        }

        _engine.Dispose();
    }

    private async Task<InferenceHostFixture> StartAsync(TimeSpan stallLimit) =>
        _host = await InferenceHostFixture.StartAsync(
            () => ScriptedEngine.Load(_engine),
            InferenceHostFixture.Options with { QueueCapacity = 1, StallLimit = stallLimit });

    private async Task<Task<(int Status, string Body)>> BlockAsync(InferenceHostFixture host)
    {
        _engine.Gate.Reset();
        var running = host.PostAsync(Path, Ask);
        await InferenceHostFixture.UntilAsync(() => Task.FromResult(_engine.RunningCount == 1));
        return running;
    }
}
