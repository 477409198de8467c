namespace Kaito.DevCluster.Storage;

/// <summary>How one stored change looks to one watch.</summary>
internal static class WatchFilter
{
    /// <summary>Null when the change is not for this watch. An object that leaves the selection is seen as deleted.</summary>
    public static WatchEvent? Seen(WatchRequest request, StoredEvent stored)
    {
        if (stored.Key.Resource != request.Resource
            || (request.Namespace is not null && stored.Key.Namespace != request.Namespace))
        {
            return null;
        }

        var now = request.Selector.Matches(stored.Object);
        var before = stored.Previous is not null && request.Selector.Matches(stored.Previous);
        WatchEventType? seen = (stored.Type, before, now) switch
        {
            (WatchEventType.Added, _, true) => WatchEventType.Added,
            (WatchEventType.Deleted, true, _) => WatchEventType.Deleted,
            (WatchEventType.Modified, true, true) => WatchEventType.Modified,
            (WatchEventType.Modified, false, true) => WatchEventType.Added,
            (WatchEventType.Modified, true, false) => WatchEventType.Deleted,
            _ => null,
        };
        return seen is { } type ? new(type, stored.Object.Copy(), stored.ResourceVersion) : null;
    }
}
