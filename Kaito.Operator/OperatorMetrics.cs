using System.Globalization;
using System.Text;

namespace Kaito.Operator;

/// <summary>Counts of what the controllers did, in the names that dashboards for controllers expect.</summary>
internal sealed class OperatorMetrics
{
    private static readonly double[] s_seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, long> _results = new(StringComparer.Ordinal)
    {
        ["error"] = 0,
        ["requeue"] = 0,
        ["requeue_after"] = 0,
        ["success"] = 0,
    };

    private readonly long[] _buckets = new long[s_seconds.Length];
    private double _sum;
    private long _count;

    public void Reconciled(string result, TimeSpan took)
    {
        lock (_gate)
        {
            _results[result]++;
            _sum += took.TotalSeconds;
            _count++;
            for (var i = 0; i < s_seconds.Length; i++)
            {
                if (took.TotalSeconds <= s_seconds[i])
                {
                    _buckets[i]++;
                }
            }
        }
    }

    /// <summary>The Prometheus text format.</summary>
    public string Render(int depth, IReadOnlyDictionary<string, int> workspaces)
    {
        var text = new StringBuilder();
        lock (_gate)
        {
            Header(text, "controller_runtime_reconcile_total", "counter", "Reconciles by result");
            foreach (var (result, count) in _results)
            {
                Line(
                    text,
                    $"controller_runtime_reconcile_total{{controller=\"workspace\",result=\"{result}\"}} {count}");
            }

            Header(text, "controller_runtime_reconcile_time_seconds", "histogram", "Length of a reconcile");
            const string Bucket = "controller_runtime_reconcile_time_seconds_bucket{controller=\"workspace\",le=";
            for (var i = 0; i < s_seconds.Length; i++)
            {
                Line(text, $"{Bucket}\"{s_seconds[i]}\"}} {_buckets[i]}");
            }

            Line(text, $"{Bucket}\"+Inf\"}} {_count}");
            Line(text, $"controller_runtime_reconcile_time_seconds_sum{{controller=\"workspace\"}} {_sum}");
            Line(text, $"controller_runtime_reconcile_time_seconds_count{{controller=\"workspace\"}} {_count}");
        }

        Header(text, "workqueue_depth", "gauge", "Keys waiting");
        Line(text, $"workqueue_depth{{name=\"workspace\"}} {depth}");
        Header(text, "kaito_workspace_count", "gauge", "Workspaces by phase");
        foreach (var (phase, count) in workspaces.OrderBy(static w => w.Key, StringComparer.Ordinal))
        {
            Line(text, $"kaito_workspace_count{{phase=\"{phase}\"}} {count}");
        }

        return text.ToString();
    }

    private static void Header(StringBuilder text, string name, string type, string help) =>
        text.Append("# HELP ").Append(name).Append(' ').Append(help).Append(".\n# TYPE ").Append(name).Append(' ')
            .Append(type).Append('\n');

    private static void Line(StringBuilder text, FormattableString line) =>
        text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
