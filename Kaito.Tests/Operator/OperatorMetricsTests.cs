using System.Globalization;
using Kaito.Operator;

namespace Kaito.Tests.Operator;

public sealed class OperatorMetricsTests
{
    [Fact]
    public void Render_AfterReconciles_CountsResultsAndFillsTheBucketsCumulatively()
    {
        var metrics = new OperatorMetrics();
        metrics.Reconciled("workspace", "success", TimeSpan.FromMilliseconds(7));
        metrics.Reconciled("workspace", "success", TimeSpan.FromSeconds(0.5));
        metrics.Reconciled("workspace", "error", TimeSpan.FromMinutes(2));

        var lines = metrics.Render(new()
        {
            Queues = [new("workspace", 3, 10, 4)],
            Workspaces = new Dictionary<string, int> { ["pending"] = 2 },
            Presets = new Dictionary<string, int> { ["phi-4"] = 1 },
            InferenceSets = new Dictionary<string, int> { ["error"] = 1 },
            Volumes = [new("w", "team", "weights-w-0", 1024)],
        }).Split('\n');

        Assert.Contains("controller_runtime_reconcile_total{controller=\"workspace\",result=\"success\"} 2", lines);
        Assert.Contains("controller_runtime_reconcile_total{controller=\"workspace\",result=\"error\"} 1", lines);
        Assert.Contains("controller_runtime_reconcile_total{controller=\"workspace\",result=\"requeue\"} 0", lines);
        Assert.Equal(["0", "1", "1", "1", "1", "1", "2", "2", "2", "2", "2", "2", "3"], Buckets(lines));
        Assert.Contains("controller_runtime_reconcile_time_seconds_sum{controller=\"workspace\"} 120.507", lines);
        Assert.Contains("controller_runtime_reconcile_time_seconds_count{controller=\"workspace\"} 3", lines);
        Assert.Contains("workqueue_depth{name=\"workspace\"} 3", lines);
        Assert.Contains("workqueue_adds_total{name=\"workspace\"} 10", lines);
        Assert.Contains("workqueue_retries_total{name=\"workspace\"} 4", lines);
        Assert.Contains("kaito_workspace_count{phase=\"pending\"} 2", lines);
        Assert.Contains("kaito_workspace_preset_count{preset_name=\"phi-4\"} 1", lines);
        Assert.Contains("kaito_inferenceset_count{phase=\"error\"} 1", lines);
        Assert.Contains("kaito_workspace_pvc_count{workspace_name=\"w\",workspace_namespace=\"team\"} 1", lines);
        Assert.Contains(
            "kaito_workspace_pvc_allocated_bytes{workspace_name=\"w\",workspace_namespace=\"team\",pvc_name=\"weights-w-0\"} 1024",
            lines);
    }

    [Fact]
    public void Render_CultureWithDecimalComma_WritesPoints()
    {
        var before = CultureInfo.CurrentCulture;
        try
        {
            var comma = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            comma.NumberFormat.NumberDecimalSeparator = ",";
            CultureInfo.CurrentCulture = comma;

            Assert.Contains("le=\"0.005\"", Render(), StringComparison.Ordinal);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void Render_EveryFamily_HasHelpAndTypeOnce()
    {
        var lines = Render().Split('\n');

        var types = lines.Where(static l => l.StartsWith("# TYPE ", StringComparison.Ordinal)).ToArray();
        Assert.Equal(types.Distinct(), types);
        Assert.Equal(types.Length, lines.Count(static l => l.StartsWith("# HELP ", StringComparison.Ordinal)));
    }

    [Fact]
    public void Render_NodesCame_TellsHowLongItTook()
    {
        var metrics = new OperatorMetrics();
        metrics.Provisioned(TimeSpan.FromSeconds(200));

        var lines = metrics.Render(new()).Split('\n');

        Assert.Contains("kaito_workspace_provisioning_seconds_bucket{le=\"180\"} 0", lines);
        Assert.Contains("kaito_workspace_provisioning_seconds_bucket{le=\"300\"} 1", lines);
        Assert.Contains("kaito_workspace_provisioning_seconds_sum 200", lines);
        Assert.Contains("kaito_workspace_provisioning_seconds_count 1", lines);
    }

    private static string Render()
    {
        var metrics = new OperatorMetrics();
        metrics.Reconciled("workspace", "success", TimeSpan.Zero);
        return metrics.Render(new());
    }

    private static IEnumerable<string> Buckets(string[] lines) =>
        lines.Where(static l => l.Contains("reconcile_time_seconds_bucket{", StringComparison.Ordinal)).Select(static l => l.Split(' ')[1]);
}
