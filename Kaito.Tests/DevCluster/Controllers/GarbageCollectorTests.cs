using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;

namespace Kaito.Tests.DevCluster.Controllers;

public sealed class GarbageCollectorTests
{
    [Fact]
    public async Task Delete_Background_TakesTheDependentsAlong()
    {
        await using var cluster = await RunningCluster.StartAsync();
        cluster.Create(Resources.StatefulSets, StatefulSetReconcilerTests.Set("web", 1));
        await cluster.UntilAsync(Resources.StatefulSets, "web", s => s.Number("status", "readyReplicas") == 1);

        cluster.Delete(Resources.StatefulSets, "web");

        await cluster.UntilAsync(Resources.Pods, all => all.Count == 0, "pods stay");
        await cluster.UntilAsync(Resources.Revisions, all => all.Count == 0, "revisions stay");
        Assert.Single(cluster.Store.List(Resources.Claims).Items);
    }

    [Fact]
    public async Task Delete_Foreground_KeepsTheOwnerUntilTheDependentsAreGone()
    {
        await using var cluster = await RunningCluster.StartAsync();
        cluster.Create(Resources.StatefulSets, StatefulSetReconcilerTests.Set("web", 1));
        await cluster.UntilAsync(Resources.StatefulSets, "web", s => s.Number("status", "readyReplicas") == 1);

        cluster.Delete(Resources.StatefulSets, "web", new() { Propagation = Propagation.Foreground });

        Assert.NotNull(cluster.Find(Resources.StatefulSets, "web"));
        await cluster.UntilAsync(Resources.StatefulSets, all => all.Count == 0, "the owner stays");
        Assert.Empty(cluster.Store.List(Resources.Pods).Items);
    }

    [Fact]
    public async Task Delete_Orphan_LeavesTheDependentsWithoutOwner()
    {
        await using var cluster = await RunningCluster.StartAsync();
        cluster.Create(Resources.StatefulSets, StatefulSetReconcilerTests.Set("web", 1));
        await cluster.UntilAsync(Resources.StatefulSets, "web", s => s.Number("status", "readyReplicas") == 1);

        cluster.Delete(Resources.StatefulSets, "web", new() { Propagation = Propagation.Orphan });

        await cluster.UntilAsync(Resources.StatefulSets, all => all.Count == 0, "the owner stays");
        Assert.Empty(cluster.Find(Resources.Pods, "web-0")!.Objects("metadata", "ownerReferences"));
    }

    [Fact]
    public async Task Delete_Namespace_EmptiesItFirst()
    {
        await using var cluster = await RunningCluster.StartAsync();
        cluster.Create(Resources.Namespaces, """{"metadata":{"name":"team"},"spec":{"finalizers":["kubernetes"]}}""", clusterWide: true);
        cluster.Store.Create(Resources.ConfigMaps, "team", new() { ["metadata"] = new System.Text.Json.Nodes.JsonObject { ["name"] = "x" } });

        cluster.Store.Delete(new(Resources.Namespaces, null, "team"), DeleteRequest.Default);

        await cluster.UntilAsync(Resources.Namespaces, all => all.All(n => n.Name != "team"), "the namespace stays");
        Assert.DoesNotContain(cluster.Store.List(Resources.ConfigMaps).Items, c => c.Namespace == "team");
    }
}
