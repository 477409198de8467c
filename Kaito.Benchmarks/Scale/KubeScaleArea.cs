using System.Runtime.CompilerServices;

namespace Kaito.Benchmarks.Scale;

/// <summary>What <see cref="ScaleArea"/> measures, on a real API server alone.</summary>
internal sealed class KubeScaleArea : IBenchArea
{
    public string Name => "scale.kube";

    public async IAsyncEnumerable<Metric> MeasureAsync(
        bool quick, string scratch, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (ControlPlane.Assets is null)
        {
            yield return new(
                $"{Name}.workspaces", 0, "", new(ScaleArea.Count(quick), Bound.AtLeast), ControlPlane.Missing);
            yield break;
        }

        await using var cluster = await KubeScaleCluster.StartAsync(cancellationToken);
        await foreach (var metric in ScaleArea.MeasureAsync(cluster, Name, quick, cancellationToken))
        {
            yield return metric;
        }
    }
}
