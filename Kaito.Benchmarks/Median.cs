namespace Kaito.Benchmarks;

internal static class Median
{
    /// <summary>The middle value, the upper one of two; zero for none.</summary>
    public static double Of(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length == 0 ? 0 : sorted[sorted.Length / 2];
    }
}
