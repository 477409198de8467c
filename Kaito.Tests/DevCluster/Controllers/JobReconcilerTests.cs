using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;

namespace Kaito.Tests.DevCluster.Controllers;

public sealed class JobReconcilerTests
{
    [Fact]
    public async Task Reconcile_JobThatSucceeds_Completes()
    {
        await using var cluster = await RunningCluster.StartAsync();

        cluster.Create(Resources.Jobs, Job("ok", "exit 0"));

        var job = await cluster.UntilAsync(Resources.Jobs, "ok", j => Conditions.IsTrue(j, "Complete"));
        Assert.Equal(1, job.Number("status", "succeeded"));
        Assert.NotNull(job.Text("status", "completionTime"));
    }

    [Fact]
    public async Task Reconcile_JobThatKeepsFailing_GivesUpAtTheBackoffLimit()
    {
        await using var cluster = await RunningCluster.StartAsync(("restart-backoff", "10ms"));

        cluster.Create(Resources.Jobs, Job("bad", "exit 3"));

        var job = await cluster.UntilAsync(Resources.Jobs, "bad", j => Conditions.IsTrue(j, "Failed"));
        Assert.Equal("BackoffLimitExceeded", Conditions.Find(job, "Failed")?.Text("reason"));
        Assert.Equal(2, job.Number("status", "failed"));
    }

    private static string Job(string name, string script) =>
        $$"""
        {
          "metadata": { "name": "{{name}}" },
          "spec": {
            "backoffLimit": 1,
            "template": { "spec": {
              "restartPolicy": "Never",
              "containers": [{ "name": "main", "image": "shell", "args": ["-c", "{{script}}"] }]
            } }
          }
        }
        """;
}
