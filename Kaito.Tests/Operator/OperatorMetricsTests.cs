using System.Globalization;
using Kaito.Operator;

namespace Kaito.Tests.Operator;

public sealed class OperatorMetricsTests
{
    [Fact]
    public void Render_AfterReconciles_CountsResultsAndFillsTheBucketsCumulatively()
    {
        var metrics = new OperatorMetrics();
        metrics.Reconciled("success", TimeSpan.FromMilliseconds(7));
        metrics.Reconciled("success", TimeSpan.FromSeconds(0.5));
        metrics.Reconciled("error", TimeSpan.FromMinutes(2));

        var lines = metrics.Render(3, new Dictionary<string, int> { ["pending"] = 2 }).Split('\n');

        Assert.Contains("controller_runtime_reconcile_total{controller=\"workspace\",result=\"success\"} 2", lines);
        Assert.Contains("controller_runtime_reconcile_total{controller=\"workspace\",result=\"error\"} 1", lines);
        Assert.Contains("controller_runtime_reconcile_total{controller=\"workspace\",result=\"requeue\"} 0", lines);
        Assert.Equal(["0", "1", "1", "1", "1", "1", "2", "2", "2", "2", "2", "2", "3"], Buckets(lines));
        Assert.Contains("controller_runtime_reconcile_time_seconds_sum{controller=\"workspace\"} 120.507", lines);
        Assert.Contains("controller_runtime_reconcile_time_seconds_count{controller=\"workspace\"} 3", lines);
        Assert.Contains("workqueue_depth{name=\"workspace\"} 3", lines);
        Assert.Contains("kaito_workspace_count{phase=\"pending\"} 2", lines);
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

    private static string Render() => new OperatorMetrics().Render(0, new Dictionary<string, int>());

    private static IEnumerable<string> Buckets(string[] lines) =>
        lines.Where(static l => l.Contains("_bucket{", StringComparison.Ordinal)).Select(static l => l.Split(' ')[1]);
}
