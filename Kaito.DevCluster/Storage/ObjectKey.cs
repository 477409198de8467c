using System.Text.Json.Nodes;

namespace Kaito.DevCluster.Storage;

/// <summary>A resource without its version: every served version of it shares one set of objects.</summary>
internal readonly record struct GroupResource(string Group, string Resource)
{
    public override string ToString() => Group.Length == 0 ? Resource : $"{Resource}.{Group}";

    /// <summary>Reads <c>statefulsets.apps</c> or <c>pods</c>.</summary>
    public static GroupResource Parse(string text)
    {
        var dot = text.IndexOf('.', StringComparison.Ordinal);
        return dot < 0 ? new("", text) : new(text[(dot + 1)..], text[..dot]);
    }
}

/// <summary>Where an object lives; <paramref name="Namespace"/> is null for cluster-wide resources.</summary>
internal readonly record struct ObjectKey(GroupResource Resource, string? Namespace, string Name)
{
    public override string ToString() => Namespace is null ? $"{Resource}/{Name}" : $"{Resource}/{Namespace}/{Name}";
}

/// <summary>What a delete does to dependents: left to the collector, first, or released.</summary>
internal enum Propagation
{
    Background,
    Foreground,
    Orphan,
}

/// <summary>The part of metav1.DeleteOptions that the store acts on.</summary>
internal sealed record DeleteRequest
{
    public static DeleteRequest Default { get; } = new();

    /// <summary>Deletes a pod at once, as the kubelet does when the process has ended.</summary>
    public static DeleteRequest Now { get; } = new() { GracePeriodSeconds = 0 };

    public Propagation Propagation { get; init; } = Propagation.Background;

    /// <summary>Only pods have one; null takes the pod's terminationGracePeriodSeconds.</summary>
    public long? GracePeriodSeconds { get; init; }

    public string? Uid { get; init; }

    public string? ResourceVersion { get; init; }

    public bool DryRun { get; init; }
}

/// <summary>Objects of one resource as of <paramref name="ResourceVersion"/>; callers own the copies.</summary>
internal sealed record ObjectList(IReadOnlyList<JsonObject> Items, long ResourceVersion);

internal enum WatchEventType
{
    Added,
    Modified,
    Deleted,
    Bookmark,
}

/// <summary>One change. A bookmark has an empty object and says only how far the stream has come.</summary>
internal sealed record WatchEvent(WatchEventType Type, JsonObject Object, long ResourceVersion);

/// <summary>What to watch and from where.</summary>
internal sealed record WatchRequest(GroupResource Resource)
{
    public string? Namespace { get; init; }

    public ObjectSelector Selector { get; init; } = ObjectSelector.Everything;

    /// <summary>Events after this version; null or 0 starts with the present objects as Added events.</summary>
    public long? FromResourceVersion { get; init; }

    /// <summary>Null sends no bookmarks, except the one that ends the initial events when asked for.</summary>
    public TimeSpan? BookmarkEvery { get; init; }

    /// <summary>Sends a bookmark after the initial Added events.</summary>
    public bool BookmarkInitialEvents { get; init; }
}
