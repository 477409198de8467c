using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;
using Kaito.Operator;

namespace Kaito.Benchmarks.Crashes;

/// <summary>What people and the cloud do, one act after another; after each the cluster comes to rest.</summary>
internal sealed record CrashScenario(string Name, ImmutableArray<Action<SimStore, SimCluster>> Acts)
{
    public OperatorOptions Options { get; init; } = new();

    /// <summary>Of what there must be nothing left after the last act.</summary>
    public ImmutableArray<string> Hides { get; init; } = [];

    /// <summary>Plays it; the pictures are those after each act.</summary>
    public CrashRun Play(SimFaults faults)
    {
        var world = new Simulation(faults, Options);
        var pictures = ImmutableArray.CreateBuilder<string[]>();
        world.StartOperator();
        world.Settle();
        foreach (var act in Acts)
        {
            act(world.Store, world.Cluster);
            world.Settle();
            pictures.Add(ClusterPicture.Of(world.Store, world.Store.Catalog));
        }

        return new(pictures.DrainToImmutable(), [.. world.Writes], world.Lives);
    }
}

/// <param name="Pictures">The cluster after each act.</param>
/// <param name="Writes">What the operator wanted to write.</param>
/// <param name="Lives">Processes of the operator.</param>
internal sealed record CrashRun(
    ImmutableArray<string[]> Pictures, ImmutableArray<string> Writes, int Lives);

/// <summary>What people do.</summary>
internal static class Acts
{
    public static Action<SimStore, SimCluster> Apply(string yaml) => (store, _) =>
    {
        foreach (var document in yaml.Split("\n---\n"))
        {
            var item = Manifests.Read(document);
            var resource = Manifests.ResourceOf(store, item);
            store.Create(resource.Resource, resource.Namespaced ? "default" : null, item);
        }
    };

    /// <summary>A JSON merge patch of an object in the namespace default, or of a cluster-wide one.</summary>
    public static Action<SimStore, SimCluster> Patch(string resource, string name, string merge) => (store, _) =>
    {
        var key = Key(store, resource, name);
        store.Modify(key, stored =>
        {
            var next = DevCluster.Apply.JsonPatches.Merge(stored, JsonNode.Parse(merge)!.AsObject());
            stored.Clear();
            foreach (var (member, value) in next)
            {
                stored[member] = value?.DeepClone();
            }
        });
    };

    public static Action<SimStore, SimCluster> Delete(string resource, string name) =>
        (store, _) => store.Delete(Key(store, resource, name), DeleteRequest.Default);

    /// <summary>Deletes the first of the resource, by age.</summary>
    public static Action<SimStore, SimCluster> DeleteFirst(string resource) => (store, _) =>
    {
        var key = GroupResource.Parse(resource);
        var first = store.List(key).Items.OrderBy(static i => ObjectMeta.Version(i)).First();
        store.Delete(key.KeyOf(first), DeleteRequest.Default);
    };

    public static Action<SimStore, SimCluster> SoldOut(params string[] types) => (_, cluster) =>
    {
        cluster.SoldOut.Clear();
        cluster.SoldOut.UnionWith(types);
    };

    /// <summary>The cloud's controller looks at every claim again, as it does now and then.</summary>
    public static Action<SimStore, SimCluster> Touch { get; } = static (store, _) =>
    {
        foreach (var claim in store.List(Resources.NodeClaims).Items)
        {
            store.Modify(Resources.NodeClaims.KeyOf(claim), static c => c.Child("metadata", "annotations")["touched"] = "");
        }
    };

    /// <summary>Somebody copies a claim of the operator, labels and all.</summary>
    public static Action<SimStore, SimCluster> SurplusClaim { get; } = static (store, _) =>
    {
        var claim = store.List(Resources.NodeClaims).Items[0];
        store.Create(Resources.NodeClaims, null, new()
        {
            ["apiVersion"] = "karpenter.sh/v1",
            ["kind"] = "NodeClaim",
            ["metadata"] = new JsonObject
            {
                ["name"] = "surplus",
                ["labels"] = claim.At("metadata", "labels")?.DeepClone(),
                ["annotations"] = claim.At("metadata", "annotations")?.DeepClone(),
            },
            ["spec"] = claim["spec"]?.DeepClone(),
        });
    };

    private static ObjectKey Key(SimStore store, string resource, string name)
    {
        var type = store.Catalog.Get(GroupResource.Parse(resource));
        return new(type.Resource, type.Namespaced ? "default" : null, name);
    }
}
