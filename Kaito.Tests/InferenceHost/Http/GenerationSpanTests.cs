using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Kaito.Tests.InferenceHost.Http;

/// <summary>What telemetry tells of calls, and what it must not.</summary>
public sealed class GenerationSpanTests : IAsyncDisposable
{
    private const string Secret = "canary-17";

    private readonly ScriptedEngine _engine = new();
    private readonly ConcurrentQueue<Activity> _ended = new();
    private readonly ActivityListener _listener;
    private readonly string _model = $"spans-{Guid.CreateVersion7():N}";

    public GenerationSpanTests()
    {
        _listener = new()
        {
            ShouldListenTo = static source => source.Name == "Kaito.InferenceHost",
            Sample = static (ref _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = _ended.Enqueue,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    [Theory]
    [InlineData("/v1/chat/completions", "chat", """{"messages":[{"role":"user","content":"canary-17"}],"max_tokens":4}""")]
    [InlineData("/v1/chat/completions", "chat", """{"messages":[{"role":"user","content":"canary-17"}],"max_tokens":4,"stream":true}""")]
    [InlineData("/v1/completions", "text_completion", """{"prompt":"canary-17","max_tokens":4}""")]
    [InlineData("/v1/responses", "chat", """{"input":"canary-17","max_output_tokens":4}""")]
    public async Task Call_Traced_HasTheConventionsAttributesAndNoText(string path, string operation, string json)
    {
        await using var host = await StartAsync();

        Assert.Equal(200, (await host.PostAsync(path, json)).Status);

        var span = await SpanAsync();
        Assert.Equal($"{operation} {_model}", span.DisplayName);
        Assert.Equal(operation, span.GetTagItem("gen_ai.operation.name"));
        Assert.Equal("kaito", span.GetTagItem("gen_ai.provider.name"));
        Assert.Equal(_model, span.GetTagItem("gen_ai.request.model"));
        Assert.Equal(4, span.GetTagItem("gen_ai.request.max_tokens"));
        Assert.Equal(9, span.GetTagItem("gen_ai.usage.input_tokens"));
        Assert.Equal(4, span.GetTagItem("gen_ai.usage.output_tokens"));
        Assert.Equal(["length"], (string[])span.GetTagItem("gen_ai.response.finish_reasons")!);
        Assert.NotNull(span.GetTagItem("gen_ai.response.id"));
        Assert.DoesNotContain(span.TagObjects, static tag => tag.Value?.ToString()?.Contains(Secret[..6], StringComparison.Ordinal) is true);
        Assert.Equal(ActivityStatusCode.Unset, span.Status);
    }

    [Fact]
    public async Task Call_EngineFails_IsMarkedAsFailed()
    {
        await using var host = await StartAsync();
        _engine.Failures = 1;

        Assert.Equal(500, (await host.PostAsync("/v1/completions", """{"prompt":"a"}""")).Status);

        var span = await SpanAsync();
        Assert.Equal((ActivityStatusCode.Error, "engine"), (span.Status, span.GetTagItem("error.type")));
    }

    [Fact]
    public async Task Call_ClientLeavesWhileItWaits_EndsTheSpan()
    {
        await using var host = await StartAsync();
        _engine.Gate.Reset();
        using var leave = new CancellationTokenSource();
        var call = host.Client.PostAsync("/v1/completions", InferenceHostFixture.Json("""{"prompt":"a"}"""), leave.Token);
        await InferenceHostFixture.UntilAsync(() => Task.FromResult(_engine.RunningCount == 1));

        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);

        Assert.Equal("cancelled", (await SpanAsync()).GetTagItem("error.type"));
        _engine.Gate.Set();
    }

    [Fact]
    public async Task Logs_AtEveryLevel_HaveNoTextOfRequestsOrAnswers()
    {
        using var log = new KeptLog();
        await using var host = await StartAsync(builder =>
        {
            builder.Logging.AddProvider(log).SetMinimumLevel(LogLevel.Trace);
            builder.Services.Configure<LoggerFilterOptions>(static filters => filters.Rules.Clear());
        });
        foreach (var (path, json) in new[]
        {
            ("/v1/chat/completions", $$"""{"messages":[{"role":"user","content":"{{Secret}}"}]}"""),
            ("/v1/chat/completions", $$"""{"messages":[{"role":"user","content":"{{Secret}}"}],"temperature":"{{Secret}}"}"""),
            ("/v1/completions", $$"""{"prompt":"{{Secret}}","stop":"{{Secret}}"}"""),
            ("/v1/responses", $$"""{"input":"{{Secret}}","stream":true}"""),
            ("/tokenize", $$"""{"prompt":"{{Secret}}"}"""),
            ("/chat", $$"""{"prompt":"{{Secret}}"}"""),
        })
        {
            _ = await host.PostAsync(path, json);
        }

        _engine.Failures = 1;
        _ = await host.PostAsync("/v1/completions", $$"""{"prompt":"{{Secret}}"}""");

        Assert.Contains(log.Lines, static line => line.Contains("decode step failed", StringComparison.Ordinal));
        Assert.DoesNotContain(log.Lines, static line => line.Contains(Secret, StringComparison.Ordinal));
    }

    public ValueTask DisposeAsync()
    {
        _listener.Dispose();
        _engine.Gate.Set();
        _engine.Dispose();
        return ValueTask.CompletedTask;
    }

    private Task<InferenceHostFixture> StartAsync(Action<WebApplicationBuilder>? adjust = null) =>
        InferenceHostFixture.StartAsync(
            () =>
            {
                var loaded = ScriptedEngine.Load(_engine);
                return loaded with { Model = loaded.Model with { Name = _model } };
            },
            InferenceHostFixture.Options with { ServedModelName = _model }, adjust: adjust);

    private async Task<Activity> SpanAsync()
    {
        // Other tests' hosts run at the same time.
        Activity[] Own() => [.. _ended.Where(a => a.DisplayName.EndsWith(_model, StringComparison.Ordinal))];
        await InferenceHostFixture.UntilAsync(() => Task.FromResult(Own().Length > 0));
        return Assert.Single(Own());
    }
}
