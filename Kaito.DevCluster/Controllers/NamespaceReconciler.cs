using System.Collections.Immutable;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Controllers;

/// <summary>Empties a namespace that is being deleted, then lets it go.</summary>
internal sealed class NamespaceReconciler(IClusterStore store) : IReconciler
{
    private static readonly TimeSpan s_again = TimeSpan.FromMilliseconds(200);

    public string Name => "namespace-controller";

    public ImmutableArray<WatchRule> Watches => [WatchRule.Itself(Resources.Namespaces)];

    public TimeSpan? Reconcile(ObjectKey key)
    {
        if (store.Get(key) is not { Deleting: true } dying)
        {
            return null;
        }

        var left = 0;
        foreach (var type in KnownType.All(store).Where(static t => t.Namespaced))
        {
            foreach (var item in type.List(store, dying.Name))
            {
                left++;
                if (!item.Deleting)
                {
                    store.Delete(type.Resource.KeyOf(item), new() { Uid = item.Uid });
                }
            }
        }

        if (left > 0)
        {
            return s_again;
        }

        store.Modify(key, stored => stored.Child("spec").Remove("finalizers"));
        return null;
    }
}
