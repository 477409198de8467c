using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Kaito.InferenceHost.Generation;

namespace Kaito.InferenceHost.Startup;

/// <summary>PURE: what is asked of a model to measure it, and how the outcome is told.</summary>
/// <param name="InputTokens">Of each prompt.</param>
/// <param name="OutputTokens">Of each answer.</param>
/// <param name="Concurrency">Answers at a time.</param>
internal sealed record BenchmarkPlan(int InputTokens, int OutputTokens, int Concurrency)
{
    private const int UpstreamInput = 2048;

    private const int UpstreamOutput = 256;

    /// <summary>Upstream's lengths, or what a shorter context has room for in the same proportion.</summary>
    /// <param name="contextTokens">Most tokens of prompt plus answer, at least 2.</param>
    /// <param name="sequences">Sequences decoded together.</param>
    public static BenchmarkPlan For(int contextTokens, int sequences)
    {
        var output = int.Clamp(contextTokens / 9, 1, UpstreamOutput);
        return new(int.Clamp(contextTokens - output, 1, UpstreamInput), output, sequences);
    }

    /// <summary>One call; no two have the same prompt, so that nothing is found in a cache.</summary>
    /// <param name="number">Of the call.</param>
    /// <param name="vocabulary">Token ids lie below it.</param>
    public GenerationRequest Call(int number, int vocabulary)
    {
        var random = new Random(number);
        var prompt = new int[InputTokens];
        for (var i = 0; i < prompt.Length; i++)
        {
            prompt[i] = random.Next(vocabulary);
        }

        return new(prompt, OutputTokens, SamplingParameters.Greedy, StopRules.None with { IgnoreEnd = true });
    }

    /// <param name="duration">Of the measurement.</param>
    /// <param name="version">Of the server.</param>
    public string Config(TimeSpan duration, string version) => new JsonObject
    {
        ["duration_sec"] = (int)duration.TotalSeconds,
        ["input_tokens"] = InputTokens,
        ["output_tokens"] = OutputTokens,
        ["max_concurrency"] = Concurrency,
        ["engine"] = "onnx",
        ["engine_version"] = version,
    }.ToJsonString();
}

/// <summary>What was measured.</summary>
/// <param name="TokensPerMinute">Of prompts and answers.</param>
/// <param name="FirstTokenMs">Mean time to the first token.</param>
/// <param name="PerTokenMs">Mean time between tokens of an answer.</param>
internal sealed record BenchmarkResult(double TokensPerMinute, double FirstTokenMs, double PerTokenMs)
{
    /// <summary>There is no result.</summary>
    public static BenchmarkResult None { get; } = new(-1, -1, -1);

    /// <param name="calls">What came of each call.</param>
    /// <param name="elapsed">Of the whole measurement.</param>
    /// <returns>Null when no token came.</returns>
    public static BenchmarkResult? Of(ImmutableArray<MeasuredCall> calls, TimeSpan elapsed)
    {
        var begun = calls.Where(static call => call.NewTokens > 0).ToArray();
        var several = begun.Where(static call => call.NewTokens > 1).ToArray();
        return begun.Length == 0 || elapsed <= TimeSpan.Zero ? null : new(
            Rounded(begun.Sum(static call => (double)call.PromptTokens + call.NewTokens) / elapsed.TotalMinutes),
            Rounded(begun.Average(static call => call.FirstToken.TotalMilliseconds)),
            several.Length == 0 ? 0 : Rounded(several.Average(static call => call.Rest.TotalMilliseconds / (call.NewTokens - 1))));
    }

    public string Json() => string.Create(
        CultureInfo.InvariantCulture,
        $$"""{"vllm_total_tpm":{{TokensPerMinute:0.0#}},"ttft_avg_ms":{{FirstTokenMs:0.0#}},"tpot_avg_ms":{{PerTokenMs:0.0#}}}""");

    private static double Rounded(double value) => Math.Round(value, 2);
}

/// <param name="PromptTokens">Tokens of the prompt.</param>
/// <param name="NewTokens">Tokens that came before the end of the measurement.</param>
/// <param name="FirstToken">From the call to its first token.</param>
/// <param name="Rest">From the first token to the last one.</param>
internal readonly record struct MeasuredCall(int PromptTokens, int NewTokens, TimeSpan FirstToken, TimeSpan Rest);
