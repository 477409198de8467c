using System.Text.Json.Nodes;
using Kaito.DevCluster.Schemas;

namespace Kaito.DevCluster.Storage;

/// <summary>What an empty cluster already holds.</summary>
internal static class ClusterStart
{
    public static ClusterStore Create(TimeProvider clock)
    {
        var catalog = new ResourceCatalog();
        var store = new ClusterStore(catalog, new ObjectRules(clock), clock);
        Fill(store);
        return store;
    }

    public static void Fill(IClusterStore store)
    {
        foreach (var name in (string[])["default", "kube-system", "kube-public", "kube-node-lease"])
        {
            store.Create(new("", "namespaces"), null, new JsonObject { ["metadata"] = new JsonObject { ["name"] = name } });
        }
    }
}
