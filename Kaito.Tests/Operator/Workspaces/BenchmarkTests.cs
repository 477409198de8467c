using Kaito.Core.Api;
using Kaito.Operator.Workspaces;
using Kaito.Tests.Operator.Rendering;

namespace Kaito.Tests.Operator.Workspaces;

public sealed class BenchmarkTests
{
    private const string Config =
        """KAITO_BENCHMARK_CONFIG 2026-01-01T00:00:00Z {"duration_sec":60,"input_tokens":2048,"output_tokens":256,"max_concurrency":37}""";

    private const string Result = """KAITO_BENCHMARK_RESULT 2026-01-01T00:01:00Z {"vllm_total_tpm":123456.75,"ttft_avg_ms":5}""";

    [Fact]
    public void Told_LinesOfTheLog_TheLastOfEachIsRecorded()
    {
        var log = $"start\n{Config.Replace("37", "5", StringComparison.Ordinal)}\n{Result.Replace("123456.75", "1", StringComparison.Ordinal)}\n"
            + $"[pod/ws-0] {Config}\n[pod/ws-0] {Result}\nready\n";

        var plan = Benchmark.Told(new() { Quantization = "awq", Image = "r.example.com/kaito-base:1" }, log);

        var metric = plan.Performance!.Metrics![Benchmark.Metric];
        Assert.Equal(("stress/high-concurrency", "tokens/min", "123456.75"), (metric.Description, metric.Unit, metric.Value));
        Assert.Equal(
            "durationSec=60 engine=vllm engineVersion=0.25.1 image=r.example.com/kaito-base:1 inputTokens=2048 maxConcurrency=37 outputTokens=256 quantization=awq",
            string.Join(' ', metric.Config!.Select(static c => $"{c.Key}={c.Value}")));
        var condition = Assert.Single(plan.Conditions);
        Assert.Equal(
            (ConditionTypes.BenchmarkCompleted, "True", "BenchmarkCompleted"), (condition.Type, condition.Status, condition.Reason));
    }

    [Theory]
    [InlineData("nothing", "no KAITO_BENCHMARK_RESULT line found in pod logs")]
    [InlineData("KAITO_BENCHMARK_RESULT t {\"vllm_total_tpm\":0}", "vllm_total_tpm is 0")]
    [InlineData("KAITO_BENCHMARK_RESULT t {\"vllm_total_tpm\":\"x\"}", "")]
    [InlineData("KAITO_BENCHMARK_RESULT t {", "")]
    [InlineData("KAITO_BENCHMARK_RESULT t [1]", "is no JSON object")]
    public void Told_NoUsableResult_IsToldAndNothingElse(string log, string problem)
    {
        var plan = Benchmark.Told(new(), log);

        var condition = Assert.Single(plan.Conditions);
        Assert.Equal(("False", "BenchmarkFailed"), (condition.Status, condition.Reason));
        Assert.Contains(problem, condition.Message, StringComparison.Ordinal);
        Assert.Contains("the model is served", condition.Message, StringComparison.Ordinal);
        Assert.Null(plan.Performance);
    }

    [Theory]
    [InlineData("vllm", null, true)]
    [InlineData("vllm", "true", false)]
    [InlineData("onnx", null, false)]
    [InlineData("onnx", "true", false)]
    [InlineData("onnx", "false", true)]
    [InlineData("huggingface", null, false)]
    public void Plan_ServingWorkload_AsksForTheResultOfVllm(string runtime, string? disabled, bool due)
    {
        var workspace = WorkloadCases.Workspace("phi-4").With(i => i with { Runtime = runtime });
        workspace = disabled is null ? workspace : workspace.Annotated(Annotations.DisableBenchmark, disabled);

        Assert.Equal(due, WorkloadCases.Plan(workspace, Serving()).BenchmarkDue);
        Assert.False(WorkloadCases.Plan(workspace).BenchmarkDue);
    }

    [Fact]
    public void Plan_ResultRecorded_IsKeptAndNotAskedForAgain()
    {
        var workspace = WorkloadCases.Workspace("phi-4");
        var told = Benchmark.Told(new(), Result);

        var plan = WorkloadCases.Plan(
            workspace, Serving() with { Status = new() { Conditions = told.Conditions, Performance = told.Performance } });

        Assert.False(plan.BenchmarkDue);
        Assert.Equal("True", plan.Conditions.Single(static c => c.Type == ConditionTypes.BenchmarkCompleted).Status);
        Assert.Equal("Ready", plan.State);
    }

    [Fact]
    public void Plan_ResultOfTheImageBefore_IsForgottenAndAskedForAgain()
    {
        var workspace = WorkloadCases.Workspace("phi-4");
        var told = Benchmark.Told(new() { Image = "r.example.com/kaito-base:before" }, Result);
        var status = new WorkspaceStatus { Conditions = told.Conditions, Performance = told.Performance };

        var plan = WorkloadCases.Plan(workspace, Serving() with { Status = status });

        Assert.True(plan.BenchmarkDue);
        Assert.DoesNotContain(plan.Conditions, static c => c.Type == ConditionTypes.BenchmarkCompleted);
        var resource = workspace with { Status = status };
        var next = WorkspaceConditions.Status(resource, plan, null, DateTimeOffset.UnixEpoch);
        Assert.Null(next.Performance);
        var patch = WorkspaceConditions.Patch(resource, next)!["status"]!.AsObject();
        Assert.True(patch.TryGetPropertyValue("performance", out var cleared));
        Assert.Null(cleared);
    }

    private static WorkspaceObservation Serving() => new()
    {
        Workload = new()
        {
            Metadata = new() { Name = "ws", Generation = 1 },
            Spec = new() { Replicas = 1 },
            Status = new() { ReadyReplicas = 1, ObservedGeneration = 1, CurrentRevision = "a", UpdateRevision = "a" },
        },
    };
}
