using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.Tests.DevCluster.Storage;

public sealed class ClusterStoreTests
{
    private static readonly GroupResource s_maps = new("", "configmaps");
    private readonly ClusterStore _store = ClusterStart.Create(TimeProvider.System);

    [Fact]
    public void Create_TwiceTheSameName_IsAlreadyExists()
    {
        var created = _store.Create(s_maps, "default", Map("one"));

        Assert.Equal("v1", created["apiVersion"]!.ToString());
        Assert.Equal("ConfigMap", created["kind"]!.ToString());
        Assert.NotNull(created["metadata"]!["uid"]);
        var refused = Assert.Throws<ApiStatusException>(() => _store.Create(s_maps, "default", Map("one")));
        Assert.Equal((409, "AlreadyExists"), (refused.Status.Code, refused.Status.Reason));
    }

    [Fact]
    public void Create_UnknownNamespace_IsNotFound()
    {
        var refused = Assert.Throws<ApiStatusException>(() => _store.Create(s_maps, "nowhere", Map("one")));

        Assert.Equal("namespaces \"nowhere\" not found", refused.Status.Message);
    }

    [Fact]
    public void Update_OldResourceVersion_IsConflict()
    {
        var first = _store.Create(s_maps, "default", Map("one"));
        var second = first.Copy();
        second["data"] = new JsonObject { ["a"] = "b" };
        _store.Update(s_maps, "default", second);

        first["data"] = new JsonObject { ["a"] = "c" };
        var refused = Assert.Throws<ApiStatusException>(() => _store.Update(s_maps, "default", first));

        Assert.Equal("Conflict", refused.Status.Reason);
        Assert.Equal("b", _store.Get(new(s_maps, "default", "one"))!["data"]!["a"]!.ToString());
    }

    [Fact]
    public void Delete_WithFinalizer_KeepsObjectUntilItIsRemoved()
    {
        var map = Map("one");
        map["metadata"]!["finalizers"] = new JsonArray("kaito.sh/hold");
        _store.Create(s_maps, "default", map);
        var key = new ObjectKey(s_maps, "default", "one");

        Assert.False(_store.Delete(key, DeleteRequest.Default).Gone);
        Assert.NotNull(_store.Get(key)!["metadata"]!["deletionTimestamp"]);
        _store.Modify(key, static value => value["metadata"]!.AsObject().Remove("finalizers"));

        Assert.Null(_store.Get(key));
    }

    [Fact]
    public void Delete_RunningPod_WaitsForTheGracePeriodToBeZero()
    {
        var pods = new GroupResource("", "pods");
        _store.Create(pods, "default", new()
        {
            ["metadata"] = new JsonObject { ["name"] = "p" },
            ["spec"] = new JsonObject
            {
                ["nodeName"] = "n",
                ["containers"] = new JsonArray(new JsonObject { ["name"] = "c", ["image"] = "i" }),
            },
        });
        var key = new ObjectKey(pods, "default", "p");

        Assert.False(_store.Delete(key, DeleteRequest.Default).Gone);
        Assert.Equal("30", _store.Get(key)!["metadata"]!["deletionGracePeriodSeconds"]!.ToString());
        Assert.True(_store.Delete(key, DeleteRequest.Now).Gone);
        Assert.Null(_store.Get(key));
    }

    [Fact]
    public void Update_SpecChange_BumpsGenerationAndStatusDoesNot()
    {
        var sets = new GroupResource("apps", "deployments");
        var key = new ObjectKey(sets, "default", "d");
        _store.Create(sets, "default", Workload("d"));

        _store.ModifyStatus(key, static value => value["status"] = new JsonObject { ["replicas"] = 1 });
        Assert.Equal("1", _store.Get(key)!["metadata"]!["generation"]!.ToString());
        _store.Modify(key, static value => value["spec"]!["replicas"] = 2);

        Assert.Equal("2", _store.Get(key)!["metadata"]!["generation"]!.ToString());
        Assert.Equal("1", _store.Get(key)!["status"]!["replicas"]!.ToString());
    }

    [Fact]
    public async Task WatchAsync_FromVersion_SeesChangesInOrder()
    {
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var from = _store.ResourceVersion;
        _store.Create(s_maps, "default", Map("one"));
        _store.Modify(new(s_maps, "default", "one"), static value => value["data"] = new JsonObject { ["a"] = "b" });
        _store.Delete(new(s_maps, "default", "one"), DeleteRequest.Default);

        var seen = new List<WatchEventType>();
        await foreach (var change in _store.WatchAsync(new(s_maps) { FromResourceVersion = from }, stop.Token))
        {
            seen.Add(change.Type);
            if (seen.Count == 3)
            {
                break;
            }
        }

        Assert.Equal([WatchEventType.Added, WatchEventType.Modified, WatchEventType.Deleted], seen);
    }

    [Fact]
    public async Task WatchAsync_VersionNoLongerKept_IsGone()
    {
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var from = _store.ResourceVersion;
        _store.Create(s_maps, "default", Map("one"));
        for (var i = 0; i < 8200; i++)
        {
            _store.Modify(
                new(s_maps, "default", "one"), value => value["data"] = new JsonObject { ["a"] = i.ToString("D") });
        }

        var refused = await Assert.ThrowsAsync<ApiStatusException>(async () =>
        {
            await foreach (var _ in _store.WatchAsync(new(s_maps) { FromResourceVersion = from }, stop.Token))
            {
            }
        });

        Assert.Equal((410, "Expired"), (refused.Status.Code, refused.Status.Reason));
    }

    [Fact]
    public async Task WatchAsync_ObjectLeavesSelection_IsSeenAsDeleted()
    {
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var map = Map("one");
        map["metadata"]!["labels"] = new JsonObject { ["app"] = "web" };
        _store.Create(s_maps, "default", map);
        _store.Modify(
            new(s_maps, "default", "one"), static value => value["metadata"]!["labels"]!["app"] = "other");
        var request = new WatchRequest(s_maps)
        {
            FromResourceVersion = _store.ResourceVersion - 1,
            Selector = ObjectSelector.OfLabels("app in (web)"),
        };

        await foreach (var change in _store.WatchAsync(request, stop.Token))
        {
            Assert.Equal(WatchEventType.Deleted, change.Type);
            return;
        }

        Assert.Fail("The watch ended without an event.");
    }

    [Theory]
    [InlineData("app=web", true)]
    [InlineData("app==web,tier!=db", true)]
    [InlineData("app in (a, web),!gone", true)]
    [InlineData("app notin (web)", false)]
    [InlineData("tier", false)]
    public void OfLabels_Selector_MatchesAsKubernetesDoes(string selector, bool expected)
    {
        var map = Map("one");
        map["metadata"]!["labels"] = new JsonObject { ["app"] = "web" };

        Assert.Equal(expected, ObjectSelector.OfLabels(selector).Matches(map));
    }

    private static JsonObject Map(string name) => new() { ["metadata"] = new JsonObject { ["name"] = name } };

    private static JsonObject Workload(string name) => new()
    {
        ["metadata"] = new JsonObject { ["name"] = name },
        ["spec"] = new JsonObject
        {
            ["replicas"] = 1,
            ["selector"] = new JsonObject { ["matchLabels"] = new JsonObject { ["app"] = name } },
            ["template"] = new JsonObject
            {
                ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["app"] = name } },
                ["spec"] = new JsonObject
                {
                    ["containers"] = new JsonArray(new JsonObject { ["name"] = "c", ["image"] = "i" }),
                },
            },
        },
    };
}
