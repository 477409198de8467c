using System.Text.Json.Nodes;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Nodes;

/// <summary>At start: the definitions of Karpenter and the node that stands for this computer.</summary>
internal sealed class NodeSetup(IClusterStore store, TimeProvider clock) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        Ensure(Resources.Definitions, NodeClaimDefinition.Render());
        foreach (var definition in KarpenterDefinitions.Render())
        {
            Ensure(Resources.Definitions, definition);
        }

        var node = NodeRendering.Local(
            Environment.ProcessorCount, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, clock.GetUtcNow());
        Ensure(Resources.Nodes, node);
        store.ModifyStatus(Resources.Nodes.KeyOf(node), stored => stored["status"] = node.At("status")?.DeepClone());
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private void Ensure(GroupResource resource, JsonObject item)
    {
        if (store.Get(resource.KeyOf(item)) is null)
        {
            store.Create(resource, null, item);
        }
    }
}
