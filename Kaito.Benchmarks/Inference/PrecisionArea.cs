using Kaito.Benchmarks.Models;
using Kaito.InferenceHost.Engine;
using Kaito.ModelBuilder.Decoder;

namespace Kaito.Benchmarks.Inference;

/// <summary>How fast one model is in each of the formats that its weights can have, at several numbers of answers at once.</summary>
internal sealed class PrecisionArea : IBenchArea
{
    private int _seed;

    public string Name => "precision";

    public IAsyncEnumerable<Metric> MeasureAsync(bool quick, string scratch, CancellationToken cancellationToken) =>
        Measure(quick).ToAsyncEnumerable();

    private IEnumerable<Metric> Measure(bool quick)
    {
        foreach (var streams in quick ? [1, 8] : new[] { 1, 4, 8, 16 })
        {
            foreach (var precision in new[] { WeightPrecision.Int8, WeightPrecision.Int4Block128 })
            {
                var (rate, ratio) = Against(precision, streams, quick);
                var name = $"precision.{precision.ToString().ToLowerInvariant()}.{streams}";
                yield return new(name, rate, "tok/s");

                // Eight bits are there to be exact, larger blocks to be fast.
                yield return new(
                    $"{name}.vs_int4", ratio, "x",
                    precision == WeightPrecision.Int8 ? null : new(1.1, Bound.AtLeast));
            }
        }
    }

    private (double Rate, double Ratio) Against(WeightPrecision precision, int streams, bool quick)
    {
        var options = new EngineOptions { PrefixBytes = 0 };
        using var usual = SlotEngine.Load(ModelFolder.Read(BenchModel.EnsureDeep()), options);
        using var other = SlotEngine.Load(ModelFolder.Read(BenchModel.EnsureDeep(precision)), options);
        var (rates, ratios) = (new List<double>(), new List<double>());
        var tokens = quick ? 24 : 64;
        _ = MixedLoad.Rate(usual, Even(streams, 2), streams) + MixedLoad.Rate(other, Even(streams, 2), streams);
        for (var round = 0; round < (quick ? 3 : 9); round++)
        {
            rates.Add(MixedLoad.Rate(other, Even(streams, tokens), streams));
            ratios.Add(rates[^1] / MixedLoad.Rate(usual, Even(streams, tokens), streams));
        }

        return (Median.Of(rates), Median.Of(ratios));
    }

    private LoadItem[] Even(int count, int newTokens) => MixedLoad.Even(++_seed, count, 16, newTokens, 400);
}
