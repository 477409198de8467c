using Kaito.InferenceHost.Http;

namespace Kaito.Tests.InferenceHost.Http;

public sealed class RateLimitTests : IAsyncDisposable
{
    private readonly ScriptedEngine _engine = new();

    // Waiting calls, calls between first and last byte, threshold.
    [Theory]
    [InlineData(4, 0, 4, null)]
    [InlineData(3, 0, 4, null)]
    [InlineData(5, 0, 4, 5)]
    [InlineData(0, 9, 4, 5)]
    [InlineData(7, 9, 4, 7)]
    [InlineData(0, 8, 4, null)]
    [InlineData(0, 3, 4, null)]
    [InlineData(100, 100, null, null)]
    public void TooMany_Counts_AreThoseOfUpstream(int queued, int pending, int? most, int? expected) =>
        Assert.Equal(expected, RateLimit.TooMany(queued, pending, most));

    [Theory]
    [InlineData("/health")]
    [InlineData("/metrics")]
    [InlineData("/v1/models")]
    public async Task Get_WhateverWaits_IsServed(string path)
    {
        await using var host = await InferenceHostFixture.StartAsync(
            () => ScriptedEngine.Load(_engine), InferenceHostFixture.Options with { RateLimit = 1 });
        _engine.Gate.Reset();
        List<Task<(int Status, string Body)>> calls = [host.PostAsync("/v1/completions", """{"prompt":"a"}""")];
        await InferenceHostFixture.UntilAsync(() => Task.FromResult(_engine.RunningCount == 1));
        foreach (var load in new[] { 2, 3 })
        {
            calls.Add(host.PostAsync("/v1/completions", """{"prompt":"a"}"""));
            await InferenceHostFixture.UntilAsync(async () =>
                (await host.GetAsync("/load")).Body == $"{{\"server_load\":{load}}}");
        }


        Assert.Equal(200, (await host.GetAsync(path)).Status);
        Assert.Equal(429, (await host.PostAsync("/v1/completions", """{"prompt":"a"}""")).Status);
        _engine.Gate.Set();
        Assert.All(await Task.WhenAll(calls), static answer => Assert.Equal(200, answer.Status));
    }

    [Fact]
    public async Task Load_AfterSuccessFailureAndRefusal_IsZero()
    {
        await using var host = await InferenceHostFixture.StartAsync(() => ScriptedEngine.Load(_engine));

        Assert.Equal(200, (await host.PostAsync("/v1/completions", """{"prompt":"a"}""")).Status);
        Assert.Equal(400, (await host.PostAsync("/v1/completions", """{"prompt":7}""")).Status);
        _engine.Failures = 1;
        Assert.Equal(500, (await host.PostAsync("/v1/completions", """{"prompt":"a"}""")).Status);

        Assert.Equal("""{"server_load":0}""", (await host.GetAsync("/load")).Body);
    }

    [Fact]
    public async Task Metrics_FilledQueue_ShowsWhatWaits()
    {
        using var engine = new ScriptedEngine(slots: 1);
        await using var host = await InferenceHostFixture.StartAsync(() => ScriptedEngine.Load(engine));
        engine.Gate.Reset();
        var calls = Enumerable.Range(0, 9).Select(_ => host.PostAsync("/v1/completions", """{"prompt":"a"}""")).ToArray();

        await InferenceHostFixture.UntilAsync(async () => (await host.GetAsync("/metrics")).Body.Contains(
            "vllm:num_requests_waiting{engine=\"0\",model_name=\"scripted\"} 8\n", StringComparison.Ordinal));

        engine.Gate.Set();
        Assert.All(await Task.WhenAll(calls), static answer => Assert.Equal(200, answer.Status));
    }

    public ValueTask DisposeAsync()
    {
        _engine.Gate.Set();
        _engine.Dispose();
        return ValueTask.CompletedTask;
    }
}
