using System.Text.Json.Nodes;
using Kaito.InferenceHost.Models;
using Kaito.InferenceHost.Startup;
using Kaito.Operator.Workspaces;
using Kaito.Tests.InferenceHost.Engine;
using Microsoft.Extensions.Logging;

namespace Kaito.Tests.InferenceHost.Startup;

public sealed class StartupBenchmarkTests(TinyModelFixture tiny)
{
    private const string Result = "KAITO_BENCHMARK_RESULT ";

    [Theory]
    [InlineData(131072, 2048, 256)]
    [InlineData(2304, 2048, 256)]
    [InlineData(900, 800, 100)]
    [InlineData(2, 1, 1)]
    public void For_AnyContext_HasRoomForPromptAndAnswer(int context, int input, int output) => Assert.Equal(
        new(input, output, 7), BenchmarkPlan.For(context, 7));

    [Fact]
    public void Of_Calls_CountsAllTokensAndRounds()
    {
        var result = BenchmarkResult.Of(
            [
                new(2000, 6, TimeSpan.FromMilliseconds(42.123), TimeSpan.FromMilliseconds(17.28)),
                new(2000, 1, TimeSpan.FromMilliseconds(42.123), TimeSpan.Zero),
                new(2000, 0, default, default),
            ],
            TimeSpan.FromSeconds(60));

        Assert.Equal("""{"vllm_total_tpm":4007.0,"ttft_avg_ms":42.12,"tpot_avg_ms":3.46}""", result!.Json());
        Assert.Null(BenchmarkResult.Of([new(2000, 0, default, default)], TimeSpan.FromSeconds(60)));
        Assert.Equal("""{"vllm_total_tpm":-1.0,"ttft_avg_ms":-1.0,"tpot_avg_ms":-1.0}""", BenchmarkResult.None.Json());
    }

    [Fact]
    public async Task Host_AskedToMeasure_TellsWhatTheOperatorReadsIntoTheStatus()
    {
        using var log = new KeptLog();
        var options = InferenceHostFixture.Options with
        {
            ModelPath = tiny.Folder.Path,
            MaxModelLength = 256,
            MaxSequences = 2,
            Benchmark = TimeSpan.FromSeconds(1),
        };
        await using var host = await InferenceHostFixture.StartAsync(
            ModelLoading.CreateLoader(options, TimeProvider.System), options,
            adjust: builder => builder.Logging.AddProvider(log));

        await InferenceHostFixture.UntilAsync(() => Task.FromResult(log.Lines.Any(static l => l.Contains(Result, StringComparison.Ordinal))));

        Assert.Single(log.Lines, static line => line.Contains(Result, StringComparison.Ordinal));
        var plan = Benchmark.Told(new() { Quantization = "int4" }, string.Join('\n', log.Lines));
        var metric = plan.Performance!.Metrics![Benchmark.Metric];
        Assert.True(double.Parse(metric.Value!, System.Globalization.CultureInfo.InvariantCulture) > 0);
        Assert.Equal(
            ("onnx", "1", "228", "28", "2"),
            (metric.Config!["engine"], metric.Config["durationSec"], metric.Config["inputTokens"],
                metric.Config["outputTokens"], metric.Config["maxConcurrency"]));
        Assert.Equal("BenchmarkCompleted", plan.Conditions.Single().Reason);
        await InferenceHostFixture.UntilAsync(async () => (await host.GetAsync("/metrics")).Body.Contains(
            "vllm:num_requests_running{engine=\"0\",model_name=\"scripted\"} 0\n", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Host_SomebodyCallsMeanwhile_StopsAndBeginsAnew()
    {
        using var log = new KeptLog();
        using var engine = new ScriptedEngine();
        var options = InferenceHostFixture.Options with { Benchmark = TimeSpan.FromSeconds(2) };
        await using var host = await InferenceHostFixture.StartAsync(
            () => ScriptedEngine.Load(engine), options, adjust: builder => builder.Logging.AddProvider(log));
        await InferenceHostFixture.UntilAsync(() => Task.FromResult(engine.RunningCount > 0));
        engine.Gate.Reset();
        var call = host.PostAsync("/v1/completions", """{"prompt":"hello","temperature":0}""");

        await InferenceHostFixture.UntilAsync(() => Task.FromResult(
            log.Lines.Any(static line => line.Contains("attempt 1 of 5 gave no result", StringComparison.Ordinal))));
        engine.Gate.Set();

        Assert.Equal("hello", (string)JsonNode.Parse((await call).Body)!["choices"]![0]!["text"]!);
        await InferenceHostFixture.UntilAsync(() => Task.FromResult(
            log.Lines.Any(static line => line.Contains(Result, StringComparison.Ordinal) && !line.Contains("-1.0", StringComparison.Ordinal))));
    }

    [Fact]
    public async Task Host_NotAskedTo_MeasuresNothing()
    {
        using var log = new KeptLog();
        using var engine = new ScriptedEngine();
        await using var host = await InferenceHostFixture.StartAsync(
            () => ScriptedEngine.Load(engine), adjust: builder => builder.Logging.AddProvider(log));

        Assert.Equal(200, (await host.PostAsync("/v1/completions", """{"prompt":"a"}""")).Status);

        Assert.DoesNotContain(log.Lines, static line => line.Contains("KAITO_BENCHMARK", StringComparison.Ordinal));
    }
}
