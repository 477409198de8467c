using System.Text.Json.Nodes;

namespace Kaito.DevCluster.Storage;

/// <summary>What a delete does to an object, and when the object is gone.</summary>
internal static class Deletion
{
    public const string ForegroundFinalizer = "foregroundDeletion";
    public const string OrphanFinalizer = "orphan";

    /// <summary>One day, in seconds.</summary>
    private const long LongestGrace = 86400;

    private static readonly GroupResource s_pods = new("", "pods");

    public static void RequirePreconditions(ObjectKey key, JsonObject stored, DeleteRequest request)
    {
        var uid = stored["metadata"]?["uid"]?.ToString();
        if (request.Uid is not null && request.Uid != uid)
        {
            throw ApiStatusException.Conflict(
                key.Resource, key.Name, $"Precondition failed: UID in precondition: {request.Uid}, UID in object meta: {uid}");
        }

        var version = stored["metadata"]?["resourceVersion"]?.ToString();
        if (request.ResourceVersion is not null && request.ResourceVersion != version)
        {
            throw ApiStatusException.Conflict(
                key.Resource,
                key.Name,
                $"Precondition failed: ResourceVersion in precondition: {request.ResourceVersion}, "
                + $"ResourceVersion in object meta: {version}");
        }
    }

    /// <summary>The object with its deletion mark, propagation finalizer and grace period.</summary>
    public static JsonObject Mark(ObjectKey key, JsonObject stored, DeleteRequest request, TimeProvider clock)
    {
        var marked = stored.Copy();
        var meta = marked["metadata"]!.AsObject();
        var grace = Grace(key, marked, request);
        if (meta["deletionTimestamp"] is null)
        {
            var due = clock.GetUtcNow().AddSeconds(grace);
            meta["deletionTimestamp"] = Fields.Stamp(due);
            meta["deletionGracePeriodSeconds"] = grace;
            if (meta["generation"] is JsonValue generation)
            {
                meta["generation"] = generation.AsLong() + 1;
            }
        }
        else if (meta["deletionGracePeriodSeconds"] is JsonValue present && grace < present.AsLong())
        {
            meta["deletionGracePeriodSeconds"] = grace;
        }

        if (key.Resource == new GroupResource("", "namespaces"))
        {
            marked.Child("status")["phase"] = "Terminating";
        }

        var finalizer = request.Propagation switch
        {
            Propagation.Foreground => ForegroundFinalizer,
            Propagation.Orphan => OrphanFinalizer,
            _ => null,
        };
        if (finalizer is not null)
        {
            AddFinalizer(meta, finalizer);
        }

        return marked;
    }

    /// <summary>True when nothing holds an object that is marked for deletion.</summary>
    public static bool Complete(ObjectKey key, JsonObject value)
    {
        if (value["metadata"] is not JsonObject meta
            || meta["deletionTimestamp"] is null
            || meta["finalizers"] is JsonArray { Count: > 0 })
        {
            return false;
        }

        var namespaceHeld = key.Resource == new GroupResource("", "namespaces")
            && value["spec"]?["finalizers"] is JsonArray { Count: > 0 };
        return !namespaceHeld && (meta["deletionGracePeriodSeconds"] as JsonValue)?.AsLong() is null or 0;
    }

    private static long Grace(ObjectKey key, JsonObject value, DeleteRequest request)
    {
        var running = key.Resource == s_pods
            && value["spec"]?["nodeName"]?.ToString() is { Length: > 0 }
            && value["status"]?["phase"]?.ToString() is not ("Succeeded" or "Failed");
        var grace = request.GracePeriodSeconds ?? value.Number("spec", "terminationGracePeriodSeconds") ?? 30;
        return running ? Math.Clamp(grace, 0, LongestGrace) : 0;
    }

    private static void AddFinalizer(JsonObject meta, string finalizer)
    {
        if (meta["finalizers"] is not JsonArray present)
        {
            meta["finalizers"] = present = [];
        }

        if (!present.Any(item => item?.ToString() == finalizer))
        {
            present.Add((JsonNode)finalizer);
        }
    }
}
