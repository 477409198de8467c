using Kaito.InferenceHost.Generation;
using Kaito.InferenceHost.Models;
using Microsoft.Extensions.DependencyInjection;

namespace Kaito.Tests.InferenceHost.Generation;

/// <summary>What clients and probes see when the engine fails in a step.</summary>
public sealed class EngineRecoveryTests : IAsyncLifetime
{
    private const string Path = "/v1/chat/completions";

    private const string Ask = """{"messages":[{"role":"user","content":"hello"}],"temperature":0}""";

    private const string Twice = """{"messages":[{"role":"user","content":"hello"}],"n":2}""";

    private readonly ScriptedEngine _engine = new(slots: 2);
    private readonly ManualResetEventSlim _mayRebuild = new(true);
    private InferenceHostFixture _host = null!;
    private Func<LoadedModel> _rebuild = null!;
    private int _loads;

    public async ValueTask InitializeAsync()
    {
        _rebuild = () => ScriptedEngine.Load(_engine);
        _host = await InferenceHostFixture.StartAsync(Load);
    }

    private GenerationScheduler Scheduler => _host.App.Services.GetRequiredService<GenerationScheduler>();

    [Fact]
    public async Task Step_FailsOnce_FailsWhatRunsServesWhatWaitsAndRebuildsOnce()
    {
        _engine.Gate.Reset();
        _engine.Failures = 1;
        var running = _host.PostAsync(Path, Twice);
        await InferenceHostFixture.UntilAsync(() => Task.FromResult(_engine.RunningCount == 2));
        var waiting = _host.PostAsync(Path, Ask);
        await InferenceHostFixture.UntilAsync(() => Task.FromResult(Scheduler.Waiting == 1));

        _engine.Gate.Set();

        Assert.Equal(500, (await running).Status);
        Assert.Equal(200, (await waiting).Status);
        Assert.Equal(2, _loads);
        Assert.Equal(200, (await _host.GetAsync("/health")).Status);
        Assert.Equal(200, (await _host.PostAsync(Path, Ask)).Status);
    }

    [Fact]
    public async Task Step_FailsDuringAStream_EndsItWithAnErrorEvent()
    {
        _engine.Gate.Reset();
        using var call = new HttpRequestMessage(HttpMethod.Post, Path)
        {
            Content = InferenceHostFixture.Json(Ask[..^1] + ",\"stream\":true}"),
        };
        var sent = _host.Client.SendAsync(
            call, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        await InferenceHostFixture.UntilAsync(() => Task.FromResult(_engine.RunningCount == 1));
        _engine.FailAfter = 2;

        _engine.Gate.Set();
        using var response = await sent;
        var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

        Assert.Equal(200, (int)response.StatusCode);
        Assert.Contains("data: {\"error\":{", body, StringComparison.Ordinal);
        Assert.EndsWith("data: [DONE]\n\n", body, StringComparison.Ordinal);
        Assert.DoesNotContain("finish_reason\":\"stop\"", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rebuilding_NewCallsAndHealth_Are503WithRetryAfter()
    {
        _mayRebuild.Reset();
        _engine.Failures = 1;
        Assert.Equal(500, (await _host.PostAsync(Path, Ask)).Status);

        using var refused = await _host.Client.PostAsync(
            Path, InferenceHostFixture.Json(Ask), TestContext.Current.CancellationToken);
        Assert.Equal(503, (int)refused.StatusCode);
        Assert.NotNull(refused.Headers.RetryAfter);
        Assert.Equal(503, (await _host.GetAsync("/health")).Status);

        _mayRebuild.Set();
        await InferenceHostFixture.UntilAsync(async () => (await _host.GetAsync("/health")).Status == 200);
        Assert.Equal(200, (await _host.PostAsync(Path, Ask)).Status);
    }

    [Fact]
    public async Task Step_FailsAgainAfterTheRebuild_GivesUp()
    {
        _engine.Failures = 5;
        Assert.Equal(500, (await _host.PostAsync(Path, Ask)).Status);
        await InferenceHostFixture.UntilAsync(async () => (await _host.GetAsync("/health")).Status == 200);

        Assert.Equal(500, (await _host.PostAsync(Path, Ask)).Status);

        await InferenceHostFixture.UntilAsync(() => Task.FromResult(Scheduler.Failure is not null));
        Assert.Equal(2, _loads);
        Assert.Contains("failed again right after it was rebuilt", Scheduler.Failure, StringComparison.Ordinal);
        Assert.Equal(503, (await _host.GetAsync("/health")).Status);
        Assert.Equal(503, (await _host.PostAsync(Path, Ask)).Status);
    }

    [Fact]
    public async Task Rebuild_Fails_AnswersEveryoneAndNamesTheReason()
    {
        _rebuild = static () => throw new ModelLoadException("model.onnx: gone");
        _engine.Gate.Reset();
        _engine.Failures = 1;
        var running = _host.PostAsync(Path, Twice);
        await InferenceHostFixture.UntilAsync(() => Task.FromResult(_engine.RunningCount == 2));
        var waiting = _host.PostAsync(Path, Ask);
        await InferenceHostFixture.UntilAsync(() => Task.FromResult(Scheduler.Waiting == 1));

        _engine.Gate.Set();

        Assert.All(await Task.WhenAll(running, waiting), static answer => Assert.Equal(500, answer.Status));
        await InferenceHostFixture.UntilAsync(() => Task.FromResult(Scheduler.Failure is not null));
        Assert.Equal("model.onnx: gone", Scheduler.Failure);
        Assert.Equal(503, (await _host.GetAsync("/health")).Status);
    }

    public async ValueTask DisposeAsync()
    {
        _engine.Gate.Set();
        _mayRebuild.Set();
        await _host.DisposeAsync();
        _engine.Dispose();
        _mayRebuild.Dispose();
    }

    private LoadedModel Load()
    {
        if (Interlocked.Increment(ref _loads) == 1)
        {
            return ScriptedEngine.Load(_engine);
        }

        _mayRebuild.Wait(TimeSpan.FromSeconds(20));
        return _rebuild();
    }
}
