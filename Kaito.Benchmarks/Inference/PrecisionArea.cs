using Kaito.Benchmarks.Models;
using Kaito.InferenceHost.Engine;
using Kaito.ModelBuilder.Decoder;

namespace Kaito.Benchmarks.Inference;

/// <summary>How fast one model is in each of the formats that its weights can have, at several numbers of answers at once.</summary>
internal sealed class PrecisionArea : IBenchArea
{
    public string Name => "precision";

    public IAsyncEnumerable<Metric> MeasureAsync(bool quick, string scratch, CancellationToken cancellationToken) =>
        Measure(quick).ToAsyncEnumerable();

    private static IEnumerable<Metric> Measure(bool quick)
    {
        var options = new EngineOptions { PrefixBytes = 0 };
        using var usual = SlotEngine.Load(ModelFolder.Read(BenchModel.EnsureDeep()), options);
        foreach (var precision in new[] { WeightPrecision.Int8, WeightPrecision.Int4Block128 })
        {
            using var other = SlotEngine.Load(ModelFolder.Read(BenchModel.EnsureDeep(precision)), options);
            foreach (var streams in quick ? [1, 8] : new[] { 1, 4, 8, 16 })
            {
                var (rate, ratio) = Against(usual, other, streams, quick);
                var name = $"precision.{precision.ToString().ToLowerInvariant()}.{streams}";
                yield return new(name, rate, "tok/s");

                // Eight bits are there to be exact, larger blocks to be fast.
                yield return new(
                    $"{name}.vs_int4", ratio, "x",
                    precision == WeightPrecision.Int8 ? null : new(1.1, Bound.AtLeast));
            }
        }
    }

    private static (double Rate, double Ratio) Against(SlotEngine usual, SlotEngine other, int streams, bool quick)
    {
        var (rates, ratios) = (new List<double>(), new List<double>());
        _ = Rate(usual, 2) + Rate(other, 2);
        for (var round = 0; round < (quick ? 3 : 9); round++)
        {
            rates.Add(Rate(other, quick ? 24 : 64));
            ratios.Add(rates[^1] / Rate(usual, quick ? 24 : 64));
        }

        return (Median.Of(rates), Median.Of(ratios));

        double Rate(SlotEngine engine, int newTokens) =>
            MixedLoad.Rate(engine, MixedLoad.Even(streams, newTokens), streams);
    }
}
