using System.Globalization;

namespace Kaito.Benchmarks;

/// <summary>Something that is measured as a whole; eng/bench names it.</summary>
internal interface IBenchArea
{
    /// <summary>As the user types it.</summary>
    string Name { get; }

    /// <param name="quick">Finish within a minute.</param>
    /// <param name="scratch">An empty folder, deleted afterwards.</param>
    /// <param name="cancellationToken">Ends the measurement and what it started.</param>
    IAsyncEnumerable<Metric> MeasureAsync(bool quick, string scratch, CancellationToken cancellationToken);
}

/// <summary>One measured value, and what it must be, if anything.</summary>
/// <param name="Name">Lower case with dots, the same in every run.</param>
/// <param name="Value">In <paramref name="Unit"/>.</param>
/// <param name="Unit">Such as <c>ms</c>; <c>x</c> for a ratio.</param>
/// <param name="Target">Null when the value is only reported.</param>
/// <param name="Note">Why it is as it is, where the row alone would mislead.</param>
internal sealed record Metric(string Name, double Value, string Unit, Target? Target = null, string? Note = null)
{
    public bool Holds => Target is null || Target.Allows(Value);
}

/// <param name="Limit">The last value that is good enough.</param>
/// <param name="Kind">On which side of it the good values lie.</param>
internal sealed record Target(double Limit, Bound Kind)
{
    public bool Allows(double value) => Kind == Bound.AtMost ? value <= Limit : value >= Limit;

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{(Kind == Bound.AtMost ? "<=" : ">=")} {Limit:0.##}");
}

internal enum Bound
{
    AtMost,
    AtLeast,
}

/// <summary>Measures one area and prints a row per metric: name, value, unit, target, ok or short.</summary>
internal static class BenchApp
{
    private const string QuickFlag = "--quick";

    /// <returns>0: every target holds; 1: one does not; 2: the arguments are wrong.</returns>
    public static async Task<int> RunAsync(
        string[] args, IReadOnlyList<IBenchArea> areas, TextWriter output, CancellationToken cancellationToken)
    {
        var names = args.Where(static argument => argument != QuickFlag).ToArray();
        var area = names is [var name] ? areas.FirstOrDefault(area => area.Name == name) : null;
        if (area is null)
        {
            var known = string.Join(", ", areas.Select(static area => area.Name));
            await output.WriteLineAsync($"Area is '{string.Join(' ', names)}'; name one of: {known}.");
            await output.WriteLineAsync("Usage: eng/bench AREA [--quick]");
            return 2;
        }

        var scratch = Directory.CreateTempSubdirectory("kaito-bench-");
        try
        {
            var holds = true;
            var metrics = area.MeasureAsync(args.Contains(QuickFlag), scratch.FullName, cancellationToken);
            await foreach (var metric in metrics)
            {
                holds &= metric.Holds;
                await output.WriteLineAsync(Row(metric));
            }

            return holds ? 0 : 1;
        }
        finally
        {
            scratch.Delete(recursive: true);
        }
    }

    private static string Note(Metric metric) => metric.Note is null ? "" : $" ({metric.Note})";

    private static string Row(Metric metric)
    {
        var target = metric.Target?.ToString() ?? "-";
        var verdict = metric.Holds ? "ok" : "short";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{metric.Name,-36} {metric.Value,10:0.00} {metric.Unit,-6} {target,-10} {verdict}{Note(metric)}");
    }
}
