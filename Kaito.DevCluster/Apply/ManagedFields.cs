using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Apply;

/// <summary>Who writes: a field manager, how, and through which subresource.</summary>
internal sealed record FieldManager(string Name, string ApiVersion, string Subresource, DateTimeOffset Now);

/// <summary>metadata.managedFields: who owns which field.</summary>
internal static class ManagedFields
{
    private const string Applied = "Apply";
    private const string Updated = "Update";

    /// <summary>Server-side apply: the merged object; a 409 that names each field that another manager set differently.</summary>
    public static JsonObject Apply(JsonObject? live, JsonObject manifest, FieldCursor at, FieldManager manager, bool force)
    {
        var config = manifest.Copy();
        config.Child("metadata").Remove("managedFields");
        var fields = FieldSets.Of(config, at);
        var entries = Entries(live);
        var mine = entries.FirstOrDefault(entry => Same(entry, manager, Applied));
        var before = Fields(mine);
        var merged = ApplyMerge.Merge(live ?? [], config, at);
        var changed = live is null ? [] : Changed(live, merged, fields, at);
        Settle(entries, mine, changed, force);

        var others = entries.Where(entry => entry != mine).Aggregate(
            new JsonObject(), static (all, entry) => FieldSets.Union(all, Fields(entry)));
        var dropped = FieldSets.Except(FieldSets.Except(before, fields), others);
        ApplyMerge.Remove(merged, dropped, at);
        entries.RemoveAll(entry => entry == mine || Fields(entry).Count == 0);
        var unchanged = mine is not null && JsonNode.DeepEquals(before, fields);
        entries.Add(unchanged ? mine! : Entry(manager, Applied, fields));
        Store(merged, entries);
        return merged;
    }

    /// <summary>Any other write: the fields that it changed become the writer's.</summary>
    public static void Update(JsonObject? live, JsonObject next, FieldCursor at, FieldManager manager)
    {
        var entries = Entries(live);
        var now = FieldSets.Of(next, at);
        var old = live is null ? [] : FieldSets.Of(live, at);
        var gone = FieldSets.Except(old, now);
        var changed = live is null ? now : FieldSets.Union(FieldSets.Except(now, old), Changed(live, next, now, at));
        if (gone.Count == 0 && changed.Count == 0)
        {
            Store(next, entries);
            return;
        }

        var mine = entries.FirstOrDefault(entry => Same(entry, manager, Updated));
        foreach (var entry in entries)
        {
            entry["fieldsV1"] = FieldSets.Except(FieldSets.Except(Fields(entry), gone), entry == mine ? [] : changed);
        }

        var owned = FieldSets.Union(Fields(mine), changed);
        entries.RemoveAll(entry => entry == mine || Fields(entry).Count == 0);
        if (owned.Count > 0)
        {
            entries.Add(Entry(manager, Updated, owned));
        }

        Store(next, entries);
    }

    /// <summary>The fields of the set whose values differ between the two objects.</summary>
    private static JsonObject Changed(JsonNode? left, JsonNode? right, JsonObject set, FieldCursor at)
    {
        var result = new JsonObject();
        foreach (var (step, child) in set)
        {
            if (!step.StartsWith("f:", StringComparison.Ordinal))
            {
                continue;
            }

            var name = step[2..];
            var (a, b) = ((left as JsonObject)?[name], (right as JsonObject)?[name]);
            var below = (JsonObject)child!;
            if (JsonNode.DeepEquals(a, b))
            {
                continue;
            }

            var inside = below.Count == 0 ? []
                : b is JsonArray items ? ChangedItems(a as JsonArray ?? [], items, below, at.ListAt(name), at.Child(name).Item())
                : Changed(a, b, below, at.Child(name));
            if (below.Count == 0 || inside.Count > 0)
            {
                result[step] = inside;
            }
        }

        return result;
    }

    private static JsonObject ChangedItems(JsonArray left, JsonArray right, JsonObject set, ListKind kind, FieldCursor item)
    {
        var result = new JsonObject();
        foreach (var element in right)
        {
            var key = FieldSets.KeyOf(element, kind);
            if (set[key] is not JsonObject fields)
            {
                continue;
            }

            var before = left.FirstOrDefault(candidate => FieldSets.KeyOf(candidate, kind) == key);
            var inside = before is null ? fields.Copy() : Changed(before, element, fields, item);
            if (before is null || inside.Count > 0)
            {
                result[key] = inside;
            }
        }

        return result;
    }

    private static void Settle(List<JsonObject> entries, JsonObject? mine, JsonObject changed, bool force)
    {
        var causes = new List<StatusCause>();
        foreach (var entry in entries.Where(entry => entry != mine))
        {
            var both = FieldSets.Both(changed, Fields(entry));
            if (force)
            {
                entry["fieldsV1"] = FieldSets.Except(Fields(entry), both);
                continue;
            }

            causes.AddRange(FieldSets.Leaves(both).Select(path => new StatusCause(
                "FieldManagerConflict", path, $"conflict with \"{entry.String("manager")}\""
                + (entry.String("subresource") is { Length: > 0 } part ? $" with subresource \"{part}\"" : "")
                + (entry.String("operation") == Updated ? $" using {entry.String("apiVersion")}" : ""))));
        }

        if (causes.Count > 0)
        {
            var shown = string.Join(", ", causes.Select(static cause => $"{cause.Message}: {cause.Field}"));
            var noun = causes.Count == 1 ? "1 conflict" : $"{causes.Count} conflicts";
            throw new ApiStatusException(
                new(409, "Conflict", $"Apply failed with {noun}: {shown}") { Causes = [.. causes] });
        }
    }

    private static List<JsonObject> Entries(JsonObject? live) =>
        [.. (live?["metadata"]?["managedFields"] as JsonArray ?? []).OfType<JsonObject>().Select(static e => e.Copy())];

    private static JsonObject Fields(JsonObject? entry) => entry?["fieldsV1"] as JsonObject is { } fields ? fields.Copy() : [];

    private static bool Same(JsonObject entry, FieldManager manager, string operation) =>
        entry.String("manager") == manager.Name
        && entry.String("operation") == operation
        && (entry.String("subresource") ?? "") == manager.Subresource;

    private static JsonObject Entry(FieldManager manager, string operation, JsonObject fields)
    {
        var entry = new JsonObject
        {
            ["manager"] = manager.Name,
            ["operation"] = operation,
            ["apiVersion"] = manager.ApiVersion,
            ["time"] = Storage.Fields.Stamp(manager.Now),
            ["fieldsType"] = "FieldsV1",
            ["fieldsV1"] = fields.Copy(),
        };
        if (manager.Subresource.Length > 0)
        {
            entry["subresource"] = manager.Subresource;
        }

        return entry;
    }

    private static void Store(JsonObject value, List<JsonObject> entries)
    {
        var meta = value.Child("metadata");
        if (entries.Count == 0)
        {
            meta.Remove("managedFields");
        }
        else
        {
            meta["managedFields"] = new JsonArray([.. entries]);
        }
    }
}
