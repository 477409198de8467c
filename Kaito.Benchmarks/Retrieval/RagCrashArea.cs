using System.Runtime.CompilerServices;

namespace Kaito.Benchmarks.Retrieval;

/// <summary>The service killed at 1,000 random instants while it indexes, updates and deletes.</summary>
internal sealed class RagCrashArea : IBenchArea
{
    private const int Instants = 1000;
    private const int QuickInstants = 25;

    public string Name => "ragcrash";

    public async IAsyncEnumerable<Metric> MeasureAsync(
        bool quick, string scratch, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var instants = quick ? QuickInstants : Instants;
        var outcome = await CrashRounds.RunAsync(instants, seed: 11, scratch, cancellationToken);
        yield return new("ragcrash.instants", instants, "kills");
        yield return new("ragcrash.acknowledged", outcome.Changes, "calls");
        yield return new("ragcrash.cut", outcome.Cut, "calls");
        yield return new("ragcrash.problems", outcome.Problems.Length, "", new(0, Bound.AtMost));
        yield return new("ragcrash.restart.median", outcome.StartMs, "ms");
    }
}
