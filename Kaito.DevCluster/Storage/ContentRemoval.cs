using System.Text.Json.Nodes;
using Kaito.DevCluster.Schemas;

namespace Kaito.DevCluster.Storage;

/// <summary>
/// Empties custom resource definitions that are being deleted, then lets them go. Runs until stopped.
/// </summary>
internal sealed partial class ContentRemoval(
    IClusterStore store, ResourceCatalog catalog, TimeProvider clock, ILogger<ContentRemoval> logger) : BackgroundService
{
    /// <summary>Objects with finalizers leave when others let them; looked at again this often.</summary>
    private static readonly TimeSpan s_again = TimeSpan.FromMilliseconds(200);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_again, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                try
                {
                    Sweep();
                }
                catch (Exception failure)
                {
                    LogFailed(failure);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The cluster stops.
        }
    }

    /// <summary>One look at everything that is being deleted.</summary>
    internal void Sweep()
    {
        foreach (var definition in store.List(CustomTypes.Definitions).Items.Where(static item => item.Deleting))
        {
            var type = catalog.Find(CustomTypes.GroupResourceOf(definition));
            if (type is null || Empty(type))
            {
                Release(
                    new(CustomTypes.Definitions, null, definition.Name),
                    static value => RemoveFinalizer(value.Child("metadata"), DefinitionRules.Cleanup));
            }
        }
    }

    /// <summary>Deletes what is there; true when nothing is left.</summary>
    private bool Empty(ResourceType type)
    {
        var empty = true;
        foreach (var item in store.List(type.Resource).Items)
        {
            empty &= Remove(new(type.Resource, item["metadata"]?["namespace"]?.ToString(), item.Name), item);
        }

        return empty;
    }

    private bool Remove(ObjectKey key, JsonObject item)
    {
        if (item.Deleting)
        {
            return false;
        }

        try
        {
            return store.Delete(key, DeleteRequest.Default).Gone;
        }
        catch (ApiStatusException gone) when (gone.Status.Code == 404)
        {
            return true;
        }
    }

    private void Release(ObjectKey key, Action<JsonObject> change)
    {
        try
        {
            store.Modify(key, change);
        }
        catch (ApiStatusException refused)
        {
            LogRefused(key.ToString(), refused.Message);
        }
    }

    private static void RemoveFinalizer(JsonObject meta, string finalizer)
    {
        var kept = (meta["finalizers"] as JsonArray ?? []).Where(f => f?.ToString() != finalizer).Select(f => f!.DeepClone());
        meta["finalizers"] = new JsonArray([.. kept]);
    }

    [LoggerMessage(LogLevel.Error, "Emptying deleted definitions failed and is repeated")]
    private partial void LogFailed(Exception failure);

    [LoggerMessage(LogLevel.Warning, "{Key} could not be released: {Reason}")]
    private partial void LogRefused(string key, string reason);
}
