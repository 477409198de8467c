using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Core.Workspaces;
using Preset = Kaito.Core.Workspaces.InferenceWorkload.Preset;

namespace Kaito.Operator.Workspaces;

/// <summary>
/// PURE: what was measured at the start, by the probe of upstream's image or by our host itself, which both tell in lines of
/// the first pod's log. A result that is not there is told in its own condition: the Workspace serves all the same.
/// </summary>
internal static class Benchmark
{
    /// <summary>Name of the metric in <c>status.performance.metrics</c>.</summary>
    public const string Metric = "peakTokensPerMinute";

    /// <summary>How long our host measures; as long as upstream's probe.</summary>
    public const int Seconds = 60;

    /// <summary>Of vLLM in upstream's image.</summary>
    private const string EngineVersion = "0.25.1";

    // Key of the measured image, beside the settings of the measurement.
    private const string Image = "image";

    private const string ResultTag = "KAITO_BENCHMARK_RESULT ";
    private const string ConfigTag = "KAITO_BENCHMARK_CONFIG ";

    /// <summary>Until a result that could not be read is asked for again.</summary>
    public static TimeSpan Pause { get; } = TimeSpan.FromMinutes(2);

    /// <summary>
    /// Whether the pods measure at all: vLLM's unless the annotation forbids it, ours only where it asks for it, because
    /// measuring costs a minute of every start.
    /// </summary>
    public static bool Applies(Wanted wanted) =>
        wanted.Resource.Metadata.Annotations?.GetValueOrDefault(Annotations.DisableBenchmark) is var disabled
        && wanted.Workspace.Inference is Preset preset
        && (preset.Runtime == InferenceRuntime.Vllm ? disabled != "true"
            : preset.Runtime == InferenceRuntime.Onnx && disabled == "false");

    /// <summary>The result that was recorded before; null when there is none, or when another image was measured.</summary>
    /// <param name="status">Where it is recorded.</param>
    /// <param name="image">What serves, or will.</param>
    public static Condition? Recorded(WorkspaceStatus? status, string? image) => !IsOf(status, image)
        ? null
        : (status!.Conditions ?? []).FirstOrDefault(
            static c => c is { Type: ConditionTypes.BenchmarkCompleted, Status: Condition.True });

    /// <summary>What is recorded, without a result of another image.</summary>
    public static PerformanceStatus? Kept(WorkspaceStatus? status, string? image) =>
        IsOf(status, image) ? status!.Performance : null;

    /// <summary>Where the lines are: the last 500 of them.</summary>
    public static string LogPath(WorkspaceResource resource) =>
        $"api/v1/namespaces/{resource.Metadata.Namespace}/pods/{resource.Metadata.Name}-0/log"
        + $"?container={resource.Metadata.Name}&tailLines=500&limitBytes={8 << 20}";

    /// <summary>The plan with what the log says, or with why it says nothing.</summary>
    public static WorkspacePlan Told(WorkspacePlan plan, string log)
    {
        try
        {
            return plan with
            {
                Conditions = plan.Conditions.Add(WorkspaceConditions.Met(
                    ConditionTypes.BenchmarkCompleted, "BenchmarkCompleted", "benchmark result has been recorded")),
                Performance = Read(log, plan),
            };
        }
        catch (Exception wrong) when (wrong is JsonException or FormatException or InvalidOperationException)
        {
            return Failed(plan, wrong.Message);
        }
    }

    /// <summary>The plan with why there is no result.</summary>
    public static WorkspacePlan Failed(WorkspacePlan plan, string problem) => plan with
    {
        Conditions = plan.Conditions.Add(WorkspaceConditions.Unmet(
            ConditionTypes.BenchmarkCompleted, "BenchmarkFailed",
            $"{PodDiagnosis.Cut(problem)}; the model is served. It is measured again when its first pod starts again.")),
    };

    // Without a name of the image it was recorded by somebody who did not note it.
    private static bool IsOf(WorkspaceStatus? status, string? image) =>
        status?.Performance?.Metrics?.GetValueOrDefault(Metric) is { } metric
        && (image is null || (metric.Config?.GetValueOrDefault(Image) ?? image) == image);

    private static PerformanceStatus Read(string log, WorkspacePlan plan)
    {
        var result = Last(log, ResultTag) ?? throw new FormatException("no KAITO_BENCHMARK_RESULT line found in pod logs");
        var config = Last(log, ConfigTag) ?? [];
        var rate = result["vllm_total_tpm"]?.GetValue<double>() ?? 0;
        if (rate is not > 0 || !double.IsFinite(rate))
        {
            throw new FormatException($"vllm_total_tpm is {Text(rate)}, and a result is more than 0");
        }

        var image = plan.Image is null
            ? ImmutableSortedDictionary<string, string>.Empty
            : ImmutableSortedDictionary<string, string>.Empty.Add(Image, plan.Image);
        return new()
        {
            Metrics = ImmutableSortedDictionary<string, PerformanceMetric>.Empty.Add(Metric, new()
            {
                Description = "stress/high-concurrency",
                Unit = "tokens/min",
                Value = Text(rate),
                Config = image
                    .Add("durationSec", Number(config, "duration_sec"))
                    .Add("inputTokens", Number(config, "input_tokens"))
                    .Add("outputTokens", Number(config, "output_tokens"))
                    .Add("maxConcurrency", Number(config, "max_concurrency"))
                    .Add("engine", (string?)config["engine"] ?? "vllm")
                    .Add("engineVersion", (string?)config["engine_version"] ?? EngineVersion)
                    .Add("quantization", plan.Quantization ?? ""),
            }),
        };
    }

    // Example: [pod] KAITO_BENCHMARK_RESULT 2026-01-02T03:04:05Z {"vllm_total_tpm": 1234.5}
    private static JsonObject? Last(string log, string tag)
    {
        foreach (var line in log.Split('\n').Reverse())
        {
            var at = line.IndexOf(tag, StringComparison.Ordinal);
            var rest = at < 0 ? "" : line[(at + tag.Length)..];
            var json = rest.IndexOf(' ', StringComparison.Ordinal);
            if (at >= 0)
            {
                return JsonNode.Parse(rest[(json + 1)..]) as JsonObject
                    ?? throw new FormatException($"{tag.Trim()} is no JSON object");
            }
        }

        return null;
    }

    private static string Number(JsonObject from, string key) => from[key] is { } value ? Text(value.GetValue<double>()) : "";

    private static string Text(double number) => number.ToString("R", CultureInfo.InvariantCulture);
}
