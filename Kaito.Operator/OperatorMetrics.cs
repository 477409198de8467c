using System.Globalization;
using System.Text;

namespace Kaito.Operator;

/// <summary>
/// Counts of what the controllers did, in the names that dashboards for controllers expect, and what there is, in
/// upstream's names.
/// </summary>
internal sealed class OperatorMetrics
{
    private static readonly double[] s_reconcile = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];
    private static readonly double[] s_provisioning = [30, 60, 120, 180, 300, 600, 900, 1800, 3600];
    private static readonly string[] s_results = ["error", "requeue", "requeue_after", "success"];

    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, Controlled> _controllers = new(StringComparer.Ordinal);
    private readonly Histogram _provisioned = new(s_provisioning);

    /// <summary>A reconcile has ended.</summary>
    /// <param name="controller">Whose.</param>
    /// <param name="result">error, requeue, requeue_after or success.</param>
    /// <param name="took">How long it took.</param>
    public void Reconciled(string controller, string result, TimeSpan took)
    {
        lock (_gate)
        {
            if (!_controllers.TryGetValue(controller, out var of))
            {
                _controllers[controller] = of = new(s_results.ToDictionary(static r => r, static _ => 0L), new(s_reconcile));
            }

            of.Results[result]++;
            of.Times.Add(took.TotalSeconds);
        }
    }

    /// <summary>All nodes of a Workspace are there for the first time.</summary>
    /// <param name="took">Since the Workspace was made.</param>
    public void Provisioned(TimeSpan took)
    {
        lock (_gate)
        {
            _provisioned.Add(took.TotalSeconds);
        }
    }

    /// <summary>The Prometheus text format.</summary>
    public string Render(OperatorPicture now)
    {
        var text = new StringBuilder();
        lock (_gate)
        {
            Header(text, "controller_runtime_reconcile_total", "counter", "Reconciles by result");
            foreach (var (controller, of) in _controllers)
            {
                foreach (var result in s_results)
                {
                    Line(text, $"controller_runtime_reconcile_total{{controller=\"{controller}\",result=\"{result}\"}} {of.Results[result]}");
                }
            }

            Header(text, "controller_runtime_reconcile_time_seconds", "histogram", "Length of a reconcile");
            foreach (var (controller, of) in _controllers)
            {
                of.Times.Write(text, "controller_runtime_reconcile_time_seconds", $"controller=\"{controller}\"");
            }

            Header(text, "kaito_workspace_provisioning_seconds", "histogram",
                "Time from the creation of a Workspace to its last node");
            _provisioned.Write(text, "kaito_workspace_provisioning_seconds", "");
        }

        WriteQueues(text, now);
        WriteObjects(text, now);
        return text.ToString();
    }

    private static void WriteQueues(StringBuilder text, OperatorPicture now)
    {
        Header(text, "workqueue_depth", "gauge", "Keys waiting");
        now.Queues.ForEach(q => Line(text, $"workqueue_depth{{name=\"{q.Name}\"}} {q.Depth}"));
        Header(text, "workqueue_adds_total", "counter", "Keys added");
        now.Queues.ForEach(q => Line(text, $"workqueue_adds_total{{name=\"{q.Name}\"}} {q.Adds}"));
        Header(text, "workqueue_retries_total", "counter", "Keys added again after a failure");
        now.Queues.ForEach(q => Line(text, $"workqueue_retries_total{{name=\"{q.Name}\"}} {q.Retries}"));
    }

    private static void WriteObjects(StringBuilder text, OperatorPicture now)
    {
        Count(text, ("kaito_workspace_count", "phase", "Workspaces by phase"), now.Workspaces);
        Count(text, ("kaito_workspace_preset_count", "preset_name", "Workspaces by preset"), now.Presets);
        Count(text, ("kaito_inferenceset_count", "phase", "InferenceSets by phase"), now.InferenceSets);
        Header(text, "kaito_workspace_pvc_count", "gauge", "PersistentVolumeClaims of a Workspace");
        foreach (var of in now.Volumes.GroupBy(static v => (v.Workspace, v.Namespace)))
        {
            Line(text, $"kaito_workspace_pvc_count{{workspace_name=\"{of.Key.Workspace}\",workspace_namespace=\"{of.Key.Namespace}\"}} {of.Count()}");
        }

        Header(text, "kaito_workspace_pvc_allocated_bytes", "gauge", "Size of a PersistentVolumeClaim");
        foreach (var v in now.Volumes)
        {
            Line(text, $"kaito_workspace_pvc_allocated_bytes{{workspace_name=\"{v.Workspace}\",workspace_namespace=\"{v.Namespace}\",pvc_name=\"{v.Name}\"}} {v.Bytes}");
        }
    }

    private static void Count(
        StringBuilder text, (string Name, string Label, string Help) family, IReadOnlyDictionary<string, int> counts)
    {
        Header(text, family.Name, "gauge", family.Help);
        foreach (var (value, count) in counts.OrderBy(static c => c.Key, StringComparer.Ordinal))
        {
            Line(text, $"{family.Name}{{{family.Label}=\"{Escaped(value)}\"}} {count}");
        }
    }

    private static string Escaped(string value) => value.Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);

    private static void Header(StringBuilder text, string name, string type, string help) =>
        text.Append("# HELP ").Append(name).Append(' ').Append(help).Append(".\n# TYPE ").Append(name).Append(' ')
            .Append(type).Append('\n');

    private static void Line(StringBuilder text, FormattableString line) =>
        text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');

    private sealed record Controlled(Dictionary<string, long> Results, Histogram Times);

    private sealed class Histogram(double[] bounds)
    {
        private readonly long[] _buckets = new long[bounds.Length];
        private double _sum;
        private long _count;

        public void Add(double value)
        {
            _sum += value;
            _count++;
            for (var i = 0; i < bounds.Length; i++)
            {
                _buckets[i] += value <= bounds[i] ? 1 : 0;
            }
        }

        public void Write(StringBuilder text, string name, string labels)
        {
            var comma = labels.Length == 0 ? "" : ",";
            for (var i = 0; i < bounds.Length; i++)
            {
                Line(text, $"{name}_bucket{{{labels}{comma}le=\"{bounds[i]}\"}} {_buckets[i]}");
            }

            var of = labels.Length == 0 ? "" : $"{{{labels}}}";
            Line(text, $"{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {_count}");
            Line(text, $"{name}_sum{of} {_sum}");
            Line(text, $"{name}_count{of} {_count}");
        }
    }
}
