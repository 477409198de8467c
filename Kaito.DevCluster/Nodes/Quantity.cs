using System.Globalization;

namespace Kaito.DevCluster.Nodes;

/// <summary>Kubernetes quantities (<c>500m</c>, <c>2</c>, <c>16Gi</c>, <c>1e3</c>) as plain numbers of their unit.</summary>
internal static class Quantity
{
    // Summed up over all pods it still is a decimal.
    private const decimal Largest = 1e24m;

    private static readonly (string Suffix, decimal Factor)[] s_suffixes =
    [
        ("Ki", 1L << 10), ("Mi", 1L << 20), ("Gi", 1L << 30), ("Ti", 1L << 40), ("Pi", 1L << 50),
        ("m", 0.001m), ("k", 1e3m), ("M", 1e6m), ("G", 1e9m), ("T", 1e12m), ("P", 1e15m),
    ];

    /// <summary>The number; zero for text that is no quantity (the API server has rejected those already).</summary>
    public static decimal Parse(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return 0;
        }

        var (suffix, factor) = s_suffixes.FirstOrDefault(s => text.EndsWith(s.Suffix, StringComparison.Ordinal));
        var digits = suffix is null ? text : text[..^suffix.Length];
        var scale = suffix is null ? 1 : factor;
        return decimal.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            ? Math.Clamp(number, -Largest / scale, Largest / scale) * scale
            : 0;
    }
}
