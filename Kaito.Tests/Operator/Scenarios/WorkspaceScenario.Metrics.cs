using Kaito.Core.Api;
using Kaito.Operator.Cluster;

namespace Kaito.Tests.Operator.Scenarios;

public abstract partial class WorkspaceScenario
{
    [Fact]
    public async Task Metrics_WithAWorkspace_TellOfItAndOfTheControllers()
    {
        await using var server = await StartServerAsync();
        await using var cluster = await ClusterFixture.StartAsync(server, Stop);
        await cluster.Api.CreateAsync(KubeKinds.Workspaces, Wanted("phi-3.5-mini-instruct"), Stop);
        await FirstAsync(
            cluster, KubeKinds.Workspaces, static w => w.Status?.Conditions?.Any(
                static c => c.Type == ConditionTypes.ResourceReady) == true, "the Workspace has been looked at");

        var lines = (await cluster.ScrapeAsync("metrics", Stop)).Split('\n');

        Assert.Contains("kaito_workspace_preset_count{preset_name=\"phi-3.5-mini-instruct\"} 1", lines);
        Assert.Contains(lines, static l => l.StartsWith("kaito_workspace_count{phase=", StringComparison.Ordinal));
        Assert.All(
            (string[])
            [
                "controller_runtime_reconcile_total", "controller_runtime_reconcile_time_seconds",
                "kaito_workspace_provisioning_seconds", "workqueue_depth", "workqueue_adds_total",
                "workqueue_retries_total", "kaito_workspace_count", "kaito_workspace_preset_count",
                "kaito_inferenceset_count", "kaito_workspace_pvc_count", "kaito_workspace_pvc_allocated_bytes",
            ],
            family => Assert.Contains(lines, l => l.StartsWith($"# TYPE {family} ", StringComparison.Ordinal)));
        Assert.DoesNotContain("workqueue_adds_total{name=\"workspace\"} 0", lines);
    }
}
