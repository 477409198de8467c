using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;

namespace Kaito.Tests.DevCluster.Controllers;

public sealed class DeploymentReconcilerTests
{
    [Fact]
    public async Task Reconcile_ChangedTemplate_MovesToANewReplicaSet()
    {
        await using var cluster = await RunningCluster.StartAsync();
        cluster.Create(Resources.Deployments, Deployment);
        var before = await cluster.UntilAsync(Resources.Deployments, "web", d => d.Number("status", "availableReplicas") == 2);
        var first = cluster.Store.List(Resources.ReplicaSets).Items.Single();

        cluster.Store.Modify(Resources.Deployments.KeyOf(before), d => d.Child("spec", "template", "metadata", "labels")["v"] = "2");

        await cluster.UntilAsync(Resources.Deployments, "web", d =>
            Conditions.Find(d, "Progressing")?.Text("reason") == "NewReplicaSetAvailable"
            && d.Number("status", "observedGeneration") > before.Number("metadata", "generation"));
        await cluster.UntilAsync(Resources.Pods, all => all.Count == 2, "old pods stay");
        Assert.All(cluster.Store.List(Resources.Pods).Items, p => Assert.Equal("2", p.Text("metadata", "labels", "v")));
        Assert.Equal(0, cluster.Find(Resources.ReplicaSets, first.Name)!.Number("spec", "replicas"));
    }

    private const string Deployment =
        """
        {
          "metadata": { "name": "web" },
          "spec": {
            "replicas": 2, "selector": { "matchLabels": { "app": "web" } },
            "template": {
              "metadata": { "labels": { "app": "web" } },
              "spec": {
                "terminationGracePeriodSeconds": 1,
                "containers": [{ "name": "main", "image": "shell", "args": ["-c", "exec sleep 600"] }]
              }
            }
          }
        }
        """;
}
