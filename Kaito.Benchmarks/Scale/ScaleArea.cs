using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;

namespace Kaito.Benchmarks.Scale;

/// <summary>
/// Very many Workspaces at once on the dev cluster's API: does the operator bring all of them up, how much memory does it
/// take, what does it write when nothing changed, and how soon is a new one as far as the one before?
/// </summary>
internal sealed class ScaleArea : IBenchArea
{
    private const int Unrelated = 8000;
    private static readonly GroupResource s_workspaces = GroupResource.Parse("workspaces.kaito.sh");
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_rest = TimeSpan.FromSeconds(12);

    public string Name => "scale";

    public async IAsyncEnumerable<Metric> MeasureAsync(
        bool quick, string scratch, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var count = quick ? 1000 : 10_000;
        await using var cluster = await ScaleCluster.StartAsync(scratch, cancellationToken);
        await using var first = OperatorProcess.Start(cluster.Kubeconfig);
        await UntilAsync(() => cluster.Knows(s_workspaces), TimeSpan.FromMinutes(2), cancellationToken);
        var idle = await first.RestingMiBAsync(cancellationToken);

        var started = Stopwatch.GetTimestamp();
        for (var i = 0; i < count; i++)
        {
            cluster.Store.Create(s_workspaces, "default", Workspace(i));
        }

        await UntilAsync(
            () => cluster.Ready >= count, TimeSpan.FromMinutes(quick ? 10 : 60), cancellationToken);
        yield return new("scale.workspaces", cluster.Ready, "", new(count, Bound.AtLeast));
        yield return new("scale.converge", Seconds(started), "s");
        yield return new("scale.converge.rate", count / Seconds(started), "1/s");
        await QuietAsync(cluster, cancellationToken);
        yield return new("scale.rss.idle", idle, "MiB");
        yield return new("scale.rss", await first.RestingMiBAsync(cancellationToken), "MiB", new(256, Bound.AtMost));
        yield return new("scale.rss.peak", first.PeakMiB, "MiB");
        await first.KillAsync();

        // A new process looks at everything: nothing is to be written.
        var version = cluster.Store.ResourceVersion;
        started = Stopwatch.GetTimestamp();
        await using var second = OperatorProcess.Start(cluster.Kubeconfig);
        await UntilAsync(
            () => second.Reconciled >= count, TimeSpan.FromMinutes(10), cancellationToken);
        yield return new("scale.restart", Seconds(started), "s", new(60, Bound.AtMost));
        await QuietAsync(cluster, cancellationToken);
        yield return new("scale.resync.writes", cluster.Store.ResourceVersion - version, "", new(0, Bound.AtMost));
        var before = await second.RestingMiBAsync(cancellationToken);
        yield return new("scale.restart.rss", before, "MiB", new(256, Bound.AtMost));

        Fill(cluster.Store);
        await second.KillAsync();
        await using var third = OperatorProcess.Start(cluster.Kubeconfig);
        await UntilAsync(() => third.Reconciled >= count, TimeSpan.FromMinutes(10), cancellationToken);
        await QuietAsync(cluster, cancellationToken);
        var after = await third.RestingMiBAsync(cancellationToken);
        yield return new("scale.unrelated", after - before, "MiB", new(5, Bound.AtMost));
    }

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

    private static void Fill(IClusterStore store)
    {
        var content = new string('x', 2000);
        for (var i = 0; i < Unrelated; i++)
        {
            var metadata = new JsonObject { ["name"] = Text($"unrelated-{i:D5}"), ["namespace"] = "default" };
            store.Create(Resources.Secrets, "default", new()
            {
                ["metadata"] = metadata.DeepClone(),
                ["data"] = new JsonObject { ["a"] = Convert.ToBase64String(new byte[1500]) },
            });
            store.Create(Resources.ConfigMaps, "default", new()
            {
                ["metadata"] = metadata.DeepClone(),
                ["data"] = new JsonObject { ["a"] = content },
            });
            store.Create(Resources.Pods, "default", new()
            {
                ["metadata"] = metadata.DeepClone(),
                ["spec"] = new JsonObject
                {
                    ["containers"] = new JsonArray(new JsonObject { ["name"] = "a", ["image"] = "r.example.com/a:1" }),
                },
            });
        }
    }

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
    private static async Task QuietAsync(ScaleCluster cluster, CancellationToken cancellationToken)
    {
        long seen;
        do
        {
            seen = cluster.Store.ResourceVersion;
            await Task.Delay(s_rest, TimeProvider.System, cancellationToken);
        }
        while (seen != cluster.Store.ResourceVersion);
    }
}
