using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;

namespace Kaito.Benchmarks.Scale;

/// <summary>
/// Very many Workspaces at once on the dev cluster's API, and on a real API server: does the operator bring all of them up, how much memory does it
/// take, what does it write when nothing changed, and how soon is a new one as far as the one before?
/// </summary>
internal sealed class ScaleArea : IBenchArea
{
    private const int Unrelated = 8000;
    private const int Writers = 8;
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_rest = TimeSpan.FromSeconds(12);

    public string Name => "scale";

    public async IAsyncEnumerable<Metric> MeasureAsync(
        bool quick, string scratch, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using (var cluster = await ScaleCluster.StartAsync(scratch, cancellationToken))
        {
            await foreach (var metric in MeasureAsync(cluster, Name, quick, cancellationToken))
            {
                yield return metric;
            }
        }

        if (!quick)
        {
            await foreach (var metric in new KubeScaleArea().MeasureAsync(quick, scratch, cancellationToken))
            {
                yield return metric;
            }
        }
    }

    /// <summary>Measures on one server.</summary>
    /// <param name="cluster">An empty one.</param>
    /// <param name="area">The rows' names begin with it.</param>
    /// <param name="quick">With fewer Workspaces.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async IAsyncEnumerable<Metric> MeasureAsync(
        IScaleCluster cluster, string area, bool quick, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var count = Count(quick);
        await using var first = OperatorProcess.Start(cluster.Kubeconfig);
        await first.UntilStartedAsync(cancellationToken);
        var idle = await first.RestingMiBAsync(cancellationToken);

        var started = Stopwatch.GetTimestamp();
        await Parallel.ForAsync(
            0, count, new ParallelOptions { MaxDegreeOfParallelism = Writers, CancellationToken = cancellationToken },
            async (i, token) => await cluster.CreateAsync(Workspace(i), token));
        await UntilAsync(
            () => cluster.Ready >= count, TimeSpan.FromMinutes(quick ? 10 : 60), cancellationToken);
        yield return new($"{area}.workspaces", cluster.Ready, "", new(count, Bound.AtLeast));
        yield return new($"{area}.converge", Seconds(started), "s");
        yield return new($"{area}.converge.rate", count / Seconds(started), "1/s");
        await QuietAsync(cluster, cancellationToken);
        yield return new($"{area}.rss.idle", idle, "MiB");
        yield return new($"{area}.rss", await first.RestingMiBAsync(cancellationToken), "MiB", new(256, Bound.AtMost));
        yield return new($"{area}.rss.peak", first.PeakMiB, "MiB");
        await first.KillAsync();

        // A new process looks at everything: nothing is to be written.
        var writes = await cluster.WritesAsync(cancellationToken);
        started = Stopwatch.GetTimestamp();
        await using var second = OperatorProcess.Start(cluster.Kubeconfig);
        await UntilAsync(
            () => second.Reconciled >= count, TimeSpan.FromMinutes(10), cancellationToken);
        yield return new($"{area}.restart", Seconds(started), "s", new(60, Bound.AtMost));
        await QuietAsync(cluster, cancellationToken);
        yield return new(
            $"{area}.resync.writes", await cluster.WritesAsync(cancellationToken) - writes, "", new(0, Bound.AtMost));
        var before = await second.RestingMiBAsync(cancellationToken);
        yield return new($"{area}.restart.rss", before, "MiB", new(256, Bound.AtMost));

        await FillAsync(cluster, cancellationToken);
        await second.KillAsync();
        await using var third = OperatorProcess.Start(cluster.Kubeconfig);
        await UntilAsync(() => third.Reconciled >= count, TimeSpan.FromMinutes(10), cancellationToken);
        await QuietAsync(cluster, cancellationToken);
        var after = await third.RestingMiBAsync(cancellationToken);
        yield return new($"{area}.unrelated", after - before, "MiB", new(5, Bound.AtMost));
    }

    /// <summary>Workspaces to make.</summary>
    public static int Count(bool quick) => quick ? 1000 : 10_000;

    private static double Seconds(long started) => Stopwatch.GetElapsedTime(started).TotalSeconds;

    private static JsonObject Workspace(int number) => new()
    {
        ["apiVersion"] = "kaito.sh/v1beta1",
        ["kind"] = "Workspace",
        ["metadata"] = new JsonObject { ["name"] = Text($"workspace-{number:D5}"), ["namespace"] = "default" },
        ["resource"] = new JsonObject
        {
            ["instanceType"] = "Standard_NC24ads_A100_v4",
            ["labelSelector"] = new JsonObject { ["matchLabels"] = new JsonObject { ["apps"] = Text($"app-{number:D5}") } },
        },
        ["inference"] = new JsonObject { ["preset"] = new JsonObject { ["name"] = "phi-3.5-mini-instruct" } },
    };

    private static Task FillAsync(IScaleCluster cluster, CancellationToken cancellationToken) => Parallel.ForAsync(
        0, Unrelated, new ParallelOptions { MaxDegreeOfParallelism = Writers, CancellationToken = cancellationToken },
        async (i, token) =>
        {
            await cluster.CreateAsync(Unasked("Secret", i, "data", new JsonObject
            {
                ["a"] = Convert.ToBase64String(new byte[1500]),
            }), token);
            await cluster.CreateAsync(Unasked("ConfigMap", i, "data", new JsonObject { ["a"] = new string('x', 2000) }), token);
            await cluster.CreateAsync(Unasked("Pod", i, "spec", new JsonObject
            {
                ["containers"] = new JsonArray(new JsonObject { ["name"] = "a", ["image"] = "r.example.com/a:1" }),
            }), token);
        });

    private static JsonObject Unasked(string kind, int number, string member, JsonObject content) => new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = kind,
        ["metadata"] = new JsonObject { ["name"] = Text($"unrelated-{number:D5}"), ["namespace"] = "default" },
        [member] = content,
    };

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static async Task UntilAsync(Func<bool> condition, TimeSpan limit, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(started) > limit)
            {
                throw new TimeoutException($"Not there after {limit}.");
            }

            await Task.Delay(s_look, TimeProvider.System, cancellationToken);
        }
    }

    // Until nothing was written for a while.
    private static async Task QuietAsync(IScaleCluster cluster, CancellationToken cancellationToken)
    {
        long seen;
        do
        {
            seen = await cluster.WritesAsync(cancellationToken);
            await Task.Delay(s_rest, TimeProvider.System, cancellationToken);
        }
        while (seen != await cluster.WritesAsync(cancellationToken));
    }
}

/// <summary>A cluster whose cloud and kubelets are played: nodes come at once, and pods are said to be ready.</summary>
internal interface IScaleCluster : IAsyncDisposable
{
    string Kubeconfig { get; }

    /// <summary>Workspaces that are ready.</summary>
    int Ready { get; }

    /// <summary>Makes an object in the namespace default.</summary>
    Task CreateAsync(JsonObject item, CancellationToken cancellationToken);

    /// <summary>A number that grows with every write of what the operator writes.</summary>
    Task<long> WritesAsync(CancellationToken cancellationToken);
}
