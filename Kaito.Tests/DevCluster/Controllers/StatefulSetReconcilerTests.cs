using System.Text.Json.Nodes;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;

namespace Kaito.Tests.DevCluster.Controllers;

public sealed class StatefulSetReconcilerTests
{
    [Fact]
    public async Task Reconcile_NewSet_RunsNamedPodsAndReportsThem()
    {
        await using var cluster = await RunningCluster.StartAsync();

        cluster.Create(Resources.StatefulSets, Set("web", 2));

        var set = await cluster.UntilAsync(Resources.StatefulSets, "web", s => s.Number("status", "readyReplicas") == 2);
        Assert.Equal(set.Text("status", "updateRevision"), set.Text("status", "currentRevision"));
        var pods = cluster.Store.List(Resources.Pods).Items;
        Assert.Equal(["web-0", "web-1"], pods.Select(p => p.Name));
        Assert.Equal("1", pods[1].Text("metadata", "labels", "apps.kubernetes.io/pod-index"));
        var claims = cluster.Store.List(Resources.Claims).Items;
        Assert.Equal(["data-web-0", "data-web-1"], claims.Select(c => c.Name));
        await cluster.UntilAsync(Resources.Claims, "data-web-0", c => c.Text("status", "phase") == "Bound");
    }

    [Fact]
    public async Task Reconcile_ChangedTemplate_ReplacesThePodsAndTheRevision()
    {
        await using var cluster = await RunningCluster.StartAsync();
        cluster.Create(Resources.StatefulSets, Set("web", 1));
        var before = await cluster.UntilAsync(Resources.StatefulSets, "web", s => s.Number("status", "readyReplicas") == 1);

        cluster.Store.Modify(Resources.StatefulSets.KeyOf(before), set =>
            set.At("spec", "template", "metadata", "labels")!["extra"] = "1");

        var after = await cluster.UntilAsync(Resources.StatefulSets, "web", s =>
            s.Text("status", "currentRevision") != before.Text("status", "currentRevision")
            && s.Number("status", "readyReplicas") == 1);
        Assert.Equal(1, after.Number("status", "updatedReplicas"));
        Assert.Equal("1", cluster.Find(Resources.Pods, "web-0")!.Text("metadata", "labels", "extra"));
        Assert.Equal(2, cluster.Store.List(Resources.Revisions).Items.Count);
    }

    [Fact]
    public async Task Reconcile_ScaledDown_RemovesTheHighestPod()
    {
        await using var cluster = await RunningCluster.StartAsync();
        cluster.Create(Resources.StatefulSets, Set("web", 2));
        var set = await cluster.UntilAsync(Resources.StatefulSets, "web", s => s.Number("status", "readyReplicas") == 2);

        cluster.Store.Modify(Resources.StatefulSets.KeyOf(set), s => s.Child("spec")["replicas"] = 1);

        var pods = await cluster.UntilAsync(Resources.Pods, all => all.Count == 1, "two pods stay");
        Assert.Equal("web-0", pods[0].Name);
    }

    [Fact]
    public void Plan_OrderedSet_StartsOnePodAfterTheOther()
    {
        var set = (JsonObject)JsonNode.Parse(Set("web", 3))!;
        set.Child("spec")["podManagementPolicy"] = "OrderedReady";
        var revisions = new StatefulSetRevisions("a", set.At("spec", "template"), "a", set.At("spec", "template"));

        var plan = StatefulSetPlanner.Plan(set, revisions, [], DateTimeOffset.UnixEpoch);

        Assert.Equal(["web-0"], plan.Create.Select(p => p.Name));
    }

    internal static string Set(string name, int replicas) =>
        $$"""
        {
          "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": { "name": "{{name}}" },
          "spec": {
            "replicas": {{replicas}}, "serviceName": "{{name}}", "podManagementPolicy": "Parallel",
            "selector": { "matchLabels": { "app": "{{name}}" } },
            "template": {
              "metadata": { "labels": { "app": "{{name}}" } },
              "spec": {
                "terminationGracePeriodSeconds": 1,
                "containers": [{
                  "name": "main", "image": "example.test/tools/shell:1", "args": ["-c", "exec sleep 600"],
                  "volumeMounts": [{ "name": "data", "mountPath": "/data" }]
                }]
              }
            },
            "volumeClaimTemplates": [{
              "metadata": { "name": "data" },
              "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } }
            }]
          }
        }
        """;
}
