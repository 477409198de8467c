using System.Runtime.CompilerServices;

namespace Kaito.Benchmarks.LocalRuns;

/// <summary>
/// Starts and stops of the whole application in a row: does each end, and does it leave anything behind?
/// </summary>
internal sealed class StartStopArea : IBenchArea
{
    private static readonly Target s_none = new(0, Bound.AtMost);

    public string Name => "startstop";

    public async IAsyncEnumerable<Metric> MeasureAsync(
        bool quick, string scratch, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var rounds = new List<Round>();
        while (rounds.Count < (quick ? 3 : 20))
        {
            rounds.Add(await RunAsync(scratch, Loads[rounds.Count % Loads.Length], cancellationToken));
        }

        yield return new("startstop.failed_starts", rounds.Count(static round => round.Start is null), "", s_none);
        var hangs = rounds.Count(static round => round is { Start: not null, Stop: null });
        yield return new("startstop.hangs", hangs, "", s_none);
        yield return new("startstop.orphans", rounds.Sum(static round => round.Orphans), "", s_none);
        yield return new("startstop.failed_exits", rounds.Count(static round => round.ExitCode != 0), "", s_none);
        yield return new("startstop.start", Median.Of(Seconds(static round => round.Start)), "s");
        yield return new("startstop.start.worst", Seconds(static round => round.Start).DefaultIfEmpty().Max(), "s");
        yield return new("startstop.stop", Median.Of(Seconds(static round => round.Stop)), "s");
        yield return new("startstop.stop.worst", Seconds(static round => round.Stop).DefaultIfEmpty().Max(), "s");

        IEnumerable<double> Seconds(Func<Round, TimeSpan?> length) =>
            rounds.Select(length).OfType<TimeSpan>().Select(static time => time.TotalSeconds);
    }

    /// <summary>What the application is doing when it is told to stop.</summary>
    private enum Load
    {
        Idle,
        Serving,
        Applying,
    }

    private static Load[] Loads { get; } = [Load.Serving, Load.Idle, Load.Applying];

    private static async Task<Round> RunAsync(string folder, Load load, CancellationToken cancellationToken)
    {
        try
        {
            await using var run = await AppHostRun.StartAsync(folder, cancellationToken);
            return await StopAsync(run, load, cancellationToken);
        }
        catch (TimeoutException failure)
        {
            await Console.Error.WriteLineAsync(failure.Message);
            return new(null, null, 0, 0);
        }
    }

    private static async Task<Round> StopAsync(AppHostRun run, Load load, CancellationToken cancellationToken)
    {
        var kubectl = new Kubectl(run.Kubeconfig);
        if (load != Load.Idle)
        {
            await kubectl.RunAsync(cancellationToken, "apply", "-f", Kubectl.Sample);
        }

        if (load == Load.Serving)
        {
            await kubectl.RunAsync(
                cancellationToken,
                "wait", $"workspace/{Kubectl.Workspace}", "--for=condition=WorkspaceSucceeded", "--timeout=60s");
        }

        var took = await run.StopAsync(cancellationToken);
        var left = run.Processes();
        var exitCode = took is null ? -1 : run.ExitCode;
        if (took is null || left.Length > 0 || exitCode != 0)
        {
            await Console.Error.WriteLineAsync(
                $"Stopped while {load}: exit code {exitCode}, left: {string.Join("; ", left)}\n{run.LastOutput}");
        }

        return new(run.StartTook, took, took is null ? 0 : left.Length, exitCode);
    }

    /// <param name="Start">Until everything was healthy; null when it did not come up.</param>
    /// <param name="Stop">From SIGTERM to the end; null when it did not end, or never came up.</param>
    /// <param name="Orphans">Processes left after the end.</param>
    /// <param name="ExitCode">Of the AppHost.</param>
    private sealed record Round(TimeSpan? Start, TimeSpan? Stop, int Orphans, int ExitCode);
}
