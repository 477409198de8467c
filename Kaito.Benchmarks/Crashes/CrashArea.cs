using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Kaito.Benchmarks.Crashes;

/// <summary>
/// Kills the operator before and after every write it makes, loses answers, refuses writes, and tells it of changes late,
/// twice and out of step: does each cluster end as that of a run without faults?
/// </summary>
internal sealed class CrashArea : IBenchArea
{
    private const int QuickEvery = 29;
    private const int Shown = 10;
    private static readonly TimeSpan s_tell = TimeSpan.FromSeconds(30);
    private static readonly Target s_none = new(0, Bound.AtMost);

    public string Name => "crash";

    public async IAsyncEnumerable<Metric> MeasureAsync(
        bool quick, string scratch, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var points = CrashPlan.All(CrashScenarios.All, quick ? QuickEvery : 1);
        var tally = new CrashTally(Shown, Console.Error);
        var playing = Task.Run(() => CrashPlan.Play(points, tally.Take, cancellationToken), cancellationToken);
        while (await Task.WhenAny(playing, Task.Delay(s_tell, TimeProvider.System, cancellationToken)) != playing)
        {
            await Console.Error.WriteLineAsync($"{tally.Played} of {points.Length} points, {tally.Found} findings");
        }

        var found = await playing;
        yield return new("crash.scenarios", CrashScenarios.All.Length, "", new(30, Bound.AtLeast));
        yield return new("crash.points", points.Length, "", quick ? null : new(5000, Bound.AtLeast));
        yield return new("crash.leaked", found.Sum(static f => f.Leaked.Length), "", s_none);
        yield return new("crash.missing", found.Sum(static f => f.Missing.Length), "", s_none);
        yield return new("crash.unsettled", found.Count(static f => f.Problem is not null), "", s_none);
        yield return new("crash.point", Stopwatch.GetElapsedTime(started).TotalMilliseconds / points.Length, "ms");
    }
}

/// <summary>Counts runs as they end, and shows the first that ended otherwise; for any number of threads.</summary>
internal sealed class CrashTally(int shown, TextWriter output)
{
    private int _played;
    private int _found;

    public int Played => Volatile.Read(ref _played);

    public int Found => Volatile.Read(ref _found);

    public void Take(ImmutableArray<CrashFinding> findings)
    {
        Interlocked.Increment(ref _played);
        foreach (var finding in findings)
        {
            if (Interlocked.Increment(ref _found) <= shown)
            {
                output.WriteLine(finding);
            }
        }
    }
}

/// <summary>A run whose end was not that of a run without faults.</summary>
/// <param name="Point">Which.</param>
/// <param name="Act">After which act of the scenario, from 0.</param>
/// <param name="Problem">Why there is no end; null when there is.</param>
/// <param name="Leaked">Objects too many, or different.</param>
/// <param name="Missing">Objects that are not there, or different.</param>
internal sealed record CrashFinding(
    CrashPlan Point, int Act, string? Problem, ImmutableArray<string> Leaked, ImmutableArray<string> Missing)
{
    public override string ToString()
    {
        var text = new StringBuilder($"{Point}, after act {Act}: {Problem}");
        foreach (var line in Leaked)
        {
            var other = Missing.FirstOrDefault(m => Place(m) == Place(line));
            text.Append(other is null ? $"\n  too much: {Cut(line, 0)}" : $"\n  differs:  {Place(line)}{Difference(line, other)}");
        }

        foreach (var line in Missing.Where(m => !Leaked.Any(l => Place(l) == Place(m))))
        {
            text.Append(CultureInfo.InvariantCulture, $"\n  missing:  {Cut(line, 0)}");
        }

        return text.ToString();
    }

    private static string Place(string line) => line.Split(' ')[0];

    private static string Difference(string line, string other)
    {
        var at = line.Zip(other).TakeWhile(static pair => pair.First == pair.Second).Count();
        return $"\n    is {Cut(line, at - 40)}\n    not {Cut(other, at - 40)}";
    }

    private static string Cut(string line, int from) => line.Substring(
        Math.Max(0, from), Math.Min(200, line.Length - Math.Max(0, from)));
}

/// <summary>One run to be made.</summary>
internal sealed record CrashPlan(CrashScenario Scenario, SimFaults Faults, CrashRun Clean)
{
    private const int Seeds = 4;

    /// <summary>Each fault at each write of each scenario, and each kind of watches with several orders.</summary>
    /// <param name="scenarios">What happens.</param>
    /// <param name="every">Take only one of so many.</param>
    public static ImmutableArray<CrashPlan> All(IEnumerable<CrashScenario> scenarios, int every) =>
    [
        .. scenarios.AsParallel().AsOrdered().SelectMany(static scenario => Of(scenario).ToArray())
            .AsEnumerable().Where((_, index) => index % every == 0),
    ];

    /// <summary>Runs all of them, as many at a time as there are processors.</summary>
    /// <param name="points">What to run.</param>
    /// <param name="played">Told of each run that ended, by the thread that ran it.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static ImmutableArray<CrashFinding> Play(
        IReadOnlyCollection<CrashPlan> points, Action<ImmutableArray<CrashFinding>> played,
        CancellationToken cancellationToken) =>
    [
        .. points.AsParallel().AsOrdered().WithCancellation(cancellationToken).SelectMany(point =>
        {
            var findings = point.Play();
            played(findings);
            return findings.AsEnumerable();
        }),
    ];

    /// <summary>Those of one scenario.</summary>
    public static IEnumerable<CrashPlan> Of(CrashScenario scenario)
    {
        var clean = scenario.Play(new());
        foreach (var fault in Enum.GetValues<WriteFault>())
        {
            for (var at = 1; at <= clean.Writes.Length; at++)
            {
                yield return new(scenario, new() { Writes = new Dictionary<int, WriteFault> { [at] = fault } }, clean);
            }
        }

        foreach (var watches in Enum.GetValues<WatchFault>())
        {
            for (var seed = 1; seed <= Seeds; seed++)
            {
                yield return new(scenario, new() { Watches = watches, Seed = seed }, clean);
                yield return new(scenario, Storm(watches, seed, clean.Writes.Length), clean);
            }
        }
    }

    /// <summary>Runs it; empty when the end is the same after every act.</summary>
    public ImmutableArray<CrashFinding> Play()
    {
        try
        {
            var run = Scenario.Play(Faults);
            return
            [
                .. run.Pictures.Select((picture, act) => Compare(picture, act)).OfType<CrashFinding>().Take(1),
            ];
        }
        catch (SimException wrong)
        {
            return [new(this, -1, wrong.Message, [], [])];
        }
    }

    public override string ToString() => $"{Scenario.Name}: {Faults}";

    // Every fifth write goes wrong, each in another way, on watches that do so too.
    private static SimFaults Storm(WatchFault watches, int seed, int writes)
    {
        var random = new Random(seed);
        return new()
        {
            Watches = watches,
            Seed = seed,
            Writes = Enumerable.Range(1, writes).Where(_ => random.Next(5) == 0)
                .ToDictionary(static at => at, _ => (WriteFault)random.Next(5)),
        };
    }

    private CrashFinding? Compare(string[] picture, int act)
    {
        var (leaked, missing) = (Except(picture, Clean.Pictures[act]), Except(Clean.Pictures[act], picture));
        return leaked.IsEmpty && missing.IsEmpty ? null : new(this, act, null, leaked, missing);
    }

    // Two equal lines are two objects.
    private static ImmutableArray<string> Except(string[] lines, string[] others)
    {
        var left = others.ToList();
        return [.. lines.Where(line => !left.Remove(line))];
    }
}
