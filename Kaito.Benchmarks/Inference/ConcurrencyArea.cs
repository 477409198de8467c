using System.Runtime.CompilerServices;
using Kaito.Benchmarks.Engine;
using Kaito.Benchmarks.Models;
using Kaito.ModelBuilder.Decoder;

namespace Kaito.Benchmarks.Inference;

/// <summary>
/// How much longer several requests take together than one alone, over HTTP, on a model of 300 million parameters. Prompts have
/// nothing in common. With weights of 32 bits a lone request waits for memory, so company is nearly free; with 4 bits it waits for
/// arithmetic sooner.
/// </summary>
internal sealed class ConcurrencyArea : IBenchArea
{
    public string Name => "concurrency";

    public async IAsyncEnumerable<Metric> MeasureAsync(
        bool quick, string scratch, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var newTokens = quick ? 24 : 96;
        foreach (var precision in new[] { WeightPrecision.Float32, WeightPrecision.Int4 })
        {
            using var host = new ServedHost(BenchModel.EnsureDeep(precision));
            var client = new StreamClient(host.Address);
            _ = await client.DrainAsync(MixedLoad.Even(8, 48), cancellationToken);
            foreach (var (streams, limit) in new[] { (4, 1.6), (8, 2.5) })
            {
                var (alone, ratios) = (new List<double>(), new List<double>());
                for (var round = 0; round < (quick ? 2 : 15); round++)
                {
                    var one = await client.DrainAsync(MixedLoad.Even(1, newTokens), cancellationToken);
                    var all = await client.DrainAsync(MixedLoad.Even(streams, newTokens), cancellationToken);
                    alone.Add(one);
                    ratios.Add(all / one);
                }

                var name = $"concurrency.{precision.ToString().ToLowerInvariant()}.{streams}";
                yield return new($"{name}.alone", Median.Of(alone), "s");
                yield return new(name, Median.Of(ratios), "x", new(limit, Bound.AtMost));
            }
        }
    }
}
