using System.Collections.Immutable;
using System.Globalization;
using Kaito.InferenceHost.Generation;
using Kaito.InferenceHost.Http;
using Kaito.InferenceHost.Models;

namespace Kaito.InferenceHost.Startup;

/// <summary>
/// Measures the model once it is ready, where that is asked for, and tells the outcome in the lines of the log that the operator
/// reads. A call of somebody else ends the measurement; it begins anew when nobody calls.
/// </summary>
internal sealed partial class StartupBenchmark(
    GenerationScheduler scheduler, InferenceHostOptions options, ServerLoad load, TimeProvider clock,
    ILogger<StartupBenchmark> logger) : BackgroundService
{
    private const int MostAttempts = 5;

    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(100);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.Benchmark is not { } duration || await ModelAsync(stoppingToken) is not { Embeddings: null } model)
        {
            return;
        }

        var plan = BenchmarkPlan.For(model.ContextTokens, options.MaxSequences);
        var config = plan.Config(duration, ServiceEndpoints.ServerVersion);
        LogConfig(Now(), config);
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            while (load.Pending > 0)
            {
                await Task.Delay(s_look, clock, stoppingToken);
            }

            if (await MeasureAsync(plan, model, duration, stoppingToken) is { } result)
            {
                LogConfig(Now(), config);
                LogResult(Now(), result.Json());
                return;
            }

            LogBroken(Now(), attempt + 1, MostAttempts);
        }

        LogResult(Now(), BenchmarkResult.None.Json());
    }

    private async Task<ServedModel?> ModelAsync(CancellationToken stoppingToken)
    {
        while (scheduler.State is HostState.Loading)
        {
            await Task.Delay(s_look, clock, stoppingToken);
        }

        return scheduler.State == HostState.Ready ? scheduler.Model : null;
    }

    // Null when somebody else called, or nothing came.
    private async Task<BenchmarkResult?> MeasureAsync(
        BenchmarkPlan plan, ServedModel model, TimeSpan duration, CancellationToken stoppingToken)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        var started = clock.GetTimestamp();
        var callers = Enumerable.Range(0, plan.Concurrency)
            .Select(caller => CallAsync(plan, model, caller, end.Token)).ToArray();
        var disturbed = false;
        while (!disturbed && clock.GetElapsedTime(started) < duration && !stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(s_look < duration ? s_look : duration, clock, stoppingToken);
            disturbed = load.Pending > 0;
        }

        var elapsed = clock.GetElapsedTime(started);
        await end.CancelAsync();
        var calls = await Task.WhenAll(callers);
        return disturbed ? null : BenchmarkResult.Of([.. calls.SelectMany(static c => c)], elapsed);
    }

    private async Task<ImmutableArray<MeasuredCall>> CallAsync(
        BenchmarkPlan plan, ServedModel model, int caller, CancellationToken end)
    {
        var calls = ImmutableArray.CreateBuilder<MeasuredCall>();
        for (var number = caller; !end.IsCancellationRequested; number += plan.Concurrency)
        {
            var request = plan.Call(number, model.VocabularySize);
            var started = clock.GetTimestamp();
            if (!scheduler.TrySubmit([request], end, out var stream))
            {
                break;
            }

            var (first, last, tokens) = (0L, 0L, 0);
            try
            {
                await foreach (var item in stream.Events.ReadAllAsync(end))
                {
                    tokens = item switch
                    {
                        GenerationEvent.Text text => text.Tokens.Total,
                        GenerationEvent.Finished finished => finished.NewTokens,
                        _ => tokens,
                    };
                    last = clock.GetTimestamp();
                    first = first == 0 ? last : first;
                }
            }
            catch (OperationCanceledException) when (end.IsCancellationRequested)
            {
                // What has come counts.
            }

            calls.Add(new(plan.InputTokens, tokens, clock.GetElapsedTime(started, first), clock.GetElapsedTime(first, last)));
        }

        return calls.ToImmutable();
    }

    private string Now() => clock.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

    [LoggerMessage(LogLevel.Information, "KAITO_BENCHMARK_CONFIG {Time} {Config}")]
    private partial void LogConfig(string time, string config);

    [LoggerMessage(LogLevel.Information, "KAITO_BENCHMARK_RESULT {Time} {Result}")]
    private partial void LogResult(string time, string result);

    [LoggerMessage(LogLevel.Information, "KAITO_BENCHMARK {Time} attempt {Attempt} of {Most} gave no result: the model was asked for")]
    private partial void LogBroken(string time, int attempt, int most);
}
