using System.Globalization;
using System.Text;

namespace Kaito.RagEngine.Metrics;

/// <summary>
/// One metric with its series, written as prometheus_client writes it: upstream's dashboards and tests read the text.
/// Thread-safe.
/// </summary>
/// <param name="name">Without the suffix of counters.</param>
/// <param name="help">One sentence.</param>
/// <param name="labels">Their names; none for a single series that exists from the start.</param>
internal abstract class MetricFamily(string name, string help, string[] labels)
{
    private readonly Lock _lock = new();

    protected string Name => name;

    protected string[] Labels => labels;

    protected Lock Gate => _lock;

    public abstract void Write(StringBuilder text);

    protected void Head(StringBuilder text, string suffix, string kind) =>
        text.Append(CultureInfo.InvariantCulture, $"# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}\n");

    protected string Label(string[] values)
    {
        if (values.Length != labels.Length)
        {
            throw new ArgumentException($"{name} has {labels.Length} labels, not {values.Length}.", nameof(values));
        }

        return string.Join(',', labels.Zip(values, static (label, value) => $"{label}=\"{Escape(value)}\""));
    }

    protected static void Line(StringBuilder text, string series, string labels, double value)
    {
        text.Append(series);
        if (labels.Length > 0)
        {
            text.Append('{').Append(labels).Append('}');
        }

        text.Append(' ').Append(Number(value)).Append('\n');
    }

    protected static string Number(double value) =>
        double.IsPositiveInfinity(value) ? "+Inf" : double.IsNaN(value) ? "NaN" : PythonText.Float(value);

    private static string Escape(string label) => label.Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
}

/// <summary>Counts up; its text also says since when.</summary>
internal sealed class Counter(TimeProvider clock, string name, string help, params string[] labels)
    : MetricFamily(name, help, labels)
{
    private readonly SortedDictionary<string, (double Value, double Since)> _series = Start(clock, labels);

    public void Add(params string[] values) => Add(1, values);

    public void Add(double by, params string[] values)
    {
        var label = Label(values);
        lock (Gate)
        {
            var (value, since) = _series.TryGetValue(label, out var had) ? had : (0, Now(clock));
            _series[label] = (value + by, since);
        }
    }

    public override void Write(StringBuilder text)
    {
        lock (Gate)
        {
            Head(text, "_total", "counter");
            foreach (var (label, (value, _)) in _series)
            {
                Line(text, Name + "_total", label, value);
            }

            Head(text, "_created", "gauge");
            foreach (var (label, (_, since)) in _series)
            {
                Line(text, Name + "_created", label, since);
            }
        }
    }

    internal static double Now(TimeProvider clock) => clock.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0;

    private static SortedDictionary<string, (double Value, double Since)> Start(TimeProvider clock, string[] labels)
    {
        var series = new SortedDictionary<string, (double Value, double Since)>(StringComparer.Ordinal);
        if (labels.Length == 0)
        {
            series[""] = (0, Now(clock));
        }

        return series;
    }
}

/// <summary>The last value.</summary>
internal sealed class Gauge(string name, string help, params string[] labels) : MetricFamily(name, help, labels)
{
    private readonly SortedDictionary<string, double> _series =
        labels.Length == 0 ? new(StringComparer.Ordinal) { [""] = 0 } : new(StringComparer.Ordinal);

    public void Set(double value, params string[] values)
    {
        var label = Label(values);
        lock (Gate)
        {
            _series[label] = value;
        }
    }

    public void Add(double by)
    {
        lock (Gate)
        {
            _series[""] += by;
        }
    }

    /// <summary>Leaves one series.</summary>
    public void Replace(double value, params string[] values)
    {
        var label = Label(values);
        lock (Gate)
        {
            _series.Clear();
            _series[label] = value;
        }
    }

    public override void Write(StringBuilder text)
    {
        lock (Gate)
        {
            Head(text, "", "gauge");
            foreach (var (label, value) in _series)
            {
                Line(text, Name, label, value);
            }
        }
    }
}

/// <summary>Counts of values below bounds.</summary>
internal sealed class Histogram(TimeProvider clock, string name, string help, double[] bounds, params string[] labels)
    : MetricFamily(name, help, labels)
{
    private readonly SortedDictionary<string, Series> _series = labels.Length == 0
        ? new(StringComparer.Ordinal) { [""] = new(new long[bounds.Length + 1], Counter.Now(clock)) }
        : new(StringComparer.Ordinal);

    public void Record(double value, params string[] values)
    {
        var label = Label(values);
        lock (Gate)
        {
            if (!_series.TryGetValue(label, out var series))
            {
                _series[label] = series = new(new long[bounds.Length + 1], Counter.Now(clock));
            }

            var at = Array.FindIndex(bounds, bound => value <= bound);
            series.Counts[at < 0 ? bounds.Length : at]++;
            series.Sum += value;
        }
    }

    public override void Write(StringBuilder text)
    {
        lock (Gate)
        {
            Head(text, "", "histogram");
            foreach (var (label, series) in _series)
            {
                Write(text, label, series);
            }

            Head(text, "_created", "gauge");
            foreach (var (label, series) in _series)
            {
                Line(text, Name + "_created", label, series.Since);
            }
        }
    }

    private void Write(StringBuilder text, string label, Series series)
    {
        var before = label.Length > 0 ? label + "," : "";
        var below = 0L;
        for (var i = 0; i <= bounds.Length; i++)
        {
            below += series.Counts[i];
            var bound = i < bounds.Length ? bounds[i] : double.PositiveInfinity;
            Line(text, Name + "_bucket", $"{before}le=\"{Number(bound)}\"", below);
        }

        Line(text, Name + "_count", label, below);
        Line(text, Name + "_sum", label, series.Sum);
    }

    private sealed class Series(long[] counts, double since)
    {
        public long[] Counts => counts;

        public double Since => since;

        public double Sum { get; set; }
    }
}
