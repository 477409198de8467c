using System.Globalization;
using System.Text;

namespace Kaito.InferenceHost;

/// <summary>Writes Prometheus text exposition, version 0.0.4.</summary>
/// <param name="labels">Of every series, e.g. <c>engine="0"</c>.</param>
internal sealed class MetricsText(string labels)
{
    private readonly StringBuilder _text = new(16384);

    public static string Escape(string label) =>
        label.Replace("\\", "\\\\", StringComparison.Ordinal)
            .Replace("\"", "\\\"", StringComparison.Ordinal)
            .Replace("\n", "\\n", StringComparison.Ordinal);

    public void Gauge(string name, string help, double value) => Single(name, "gauge", help, value);

    public void Counter(string name, string help, double value) => Single(name, "counter", help, value);

    /// <summary>One series for each value of one more label.</summary>
    public void Split(string name, string kind, string help, string label, IEnumerable<(string Of, double Value)> values)
    {
        Head(name, kind, help);
        foreach (var (of, value) in values)
        {
            Line(name, $"{labels},{label}=\"{Escape(of)}\"", value);
        }
    }

    /// <summary>A series whose labels are the message.</summary>
    public void Facts(string name, string help, IEnumerable<(string Name, string Value)> facts, double value)
    {
        Head(name, "gauge", help);
        Line(name, $"{labels},{string.Join(',', facts.Select(static f => $"{f.Name}=\"{Escape(f.Value)}\""))}", value);
    }

    public void Histogram(Histogram histogram)
    {
        Head(histogram.Name, "histogram", histogram.Help);
        foreach (var (bound, below) in histogram.Cumulative)
        {
            Line($"{histogram.Name}_bucket", $"{labels},le=\"{bound.ToString(CultureInfo.InvariantCulture)}\"", below);
        }

        Line($"{histogram.Name}_bucket", $"{labels},le=\"+Inf\"", histogram.Count);
        Line($"{histogram.Name}_sum", labels, histogram.Sum);
        Line($"{histogram.Name}_count", labels, histogram.Count);
    }

    /// <summary>Series of the process, without the labels of the others.</summary>
    public void Bare(string name, string kind, string help, double value)
    {
        Head(name, kind, help);
        _text.Append(name).Append(' ').Append(value.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }

    public override string ToString() => _text.ToString();

    private void Single(string name, string kind, string help, double value)
    {
        Head(name, kind, help);
        Line(name, labels, value);
    }

    private void Head(string name, string kind, string help) =>
        _text.Append("# HELP ").Append(name).Append(' ').Append(help).Append('\n')
            .Append("# TYPE ").Append(name).Append(' ').Append(kind).Append('\n');

    private void Line(string name, string all, double value) =>
        _text.Append(name).Append('{').Append(all).Append("} ")
            .Append(value.ToString(CultureInfo.InvariantCulture)).Append('\n');
}

/// <summary>Counts of values below bounds. Not thread-safe.</summary>
/// <param name="name">Of the metric.</param>
/// <param name="help">What it measures.</param>
/// <param name="bounds">Upper bounds, rising.</param>
internal sealed class Histogram(string name, string help, double[] bounds)
{
    private readonly long[] _counts = new long[bounds.Length];

    public string Name => name;

    public string Help => help;

    public long Count { get; private set; }

    public double Sum { get; private set; }

    /// <summary>Each bound with the number of values that are not above it.</summary>
    public IEnumerable<(double Bound, long Below)> Cumulative
    {
        get
        {
            var below = 0L;
            for (var i = 0; i < bounds.Length; i++)
            {
                below += _counts[i];
                yield return (bounds[i], below);
            }
        }
    }

    public void Record(double value)
    {
        Count++;
        Sum += value;
        var at = Array.FindIndex(bounds, bound => value <= bound);
        if (at >= 0)
        {
            _counts[at]++;
        }
    }

    /// <summary>The same counts under another name.</summary>
    public Histogram As(string other, string otherHelp)
    {
        var alias = new Histogram(other, otherHelp, bounds) { Count = Count, Sum = Sum };
        _counts.CopyTo(alias._counts, 0);
        return alias;
    }
}
