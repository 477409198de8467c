using System.Runtime.CompilerServices;
using k8s;
using Kaito.Operator.Cluster;

namespace Kaito.Benchmarks.LocalRuns;

/// <summary>
/// A manifest in, tokens out: kubectl applies the sample on the AppHost's cluster, whose nodes need no time.
/// </summary>
internal sealed class FirstLightArea : IBenchArea
{
    public string Name => "firstlight";

    public async IAsyncEnumerable<Metric> MeasureAsync(
        bool quick, string scratch, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using (var first = await AppHostRun.StartAsync(scratch, cancellationToken))
        {
            yield return new("firstlight.start.first", first.StartTook.TotalSeconds, "s", new(60, Bound.AtMost));
            await first.StopAsync(cancellationToken);
        }

        await using var run = await AppHostRun.StartAsync(scratch, cancellationToken);
        yield return new("firstlight.start.second", run.StartTook.TotalSeconds, "s", new(15, Bound.AtMost));

        var rounds = await RoundsAsync(run, quick ? 5 : 20, cancellationToken);
        yield return Row("admit", static times => times.Admit);
        yield return Row("node", static times => times.Node);
        yield return Row("schedule", static times => times.Schedule);
        yield return Row("load", static times => times.Load);
        yield return Row("first_token", static times => times.FirstToken);
        yield return Row("total", static times => times.Total) with { Target = new(3000, Bound.AtMost) };
        yield return new("firstlight.total.worst", rounds.Max(static times => times.Total.TotalMilliseconds), "ms");
        yield return Row("delete", static times => times.Delete);
        await run.StopAsync(cancellationToken);

        Metric Row(string phase, Func<WorkspaceTimes, TimeSpan> length) => new(
            $"firstlight.{phase}", Median.Of(rounds.Select(times => length(times).TotalMilliseconds)), "ms");
    }

    private static async Task<List<WorkspaceTimes>> RoundsAsync(
        AppHostRun run, int count, CancellationToken cancellationToken)
    {
        using var client = new Kubernetes(KubernetesClientConfiguration.BuildConfigFromConfigFile(run.Kubeconfig));
        using var http = new HttpClient();
        var round = new WorkspaceRound(new KubeApi(client), new(run.Kubeconfig), http);
        var rounds = new List<WorkspaceTimes>();
        while (rounds.Count < count)
        {
            rounds.Add(await round.RunAsync(cancellationToken));
        }

        return rounds;
    }
}
