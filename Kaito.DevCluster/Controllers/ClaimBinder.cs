using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Controllers;

/// <summary>Binds every PersistentVolumeClaim at once: its volume is a folder of this computer.</summary>
internal sealed class ClaimBinder(IClusterStore store) : IReconciler
{
    public string Name => "persistentvolume-binder";

    public ImmutableArray<WatchRule> Watches => [WatchRule.Itself(Resources.Claims)];

    public TimeSpan? Reconcile(ObjectKey key)
    {
        if (store.Get(key) is not { Deleting: false } claim || claim.Text("status", "phase") == "Bound")
        {
            return null;
        }

        var volume = $"pvc-{claim.Uid}";
        if (string.IsNullOrEmpty(claim.Text("spec", "volumeName")))
        {
            store.Modify(key, stored => stored.Child("spec")["volumeName"] = volume);
        }

        store.ModifyStatus(key, stored => stored["status"] = new JsonObject
        {
            ["phase"] = "Bound",
            ["accessModes"] = stored.At("spec", "accessModes")?.DeepClone(),
            ["capacity"] = stored.At("spec", "resources", "requests")?.DeepClone(),
        });
        return null;
    }
}
