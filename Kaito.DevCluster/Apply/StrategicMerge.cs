using System.Text.Json.Nodes;
using Kaito.DevCluster.Schemas;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Apply;

/// <summary>
/// Strategic merge patch of built-in kinds: keyed lists merge item by item; understands <c>$patch</c> (replace, delete,
/// merge), <c>$retainKeys</c>, <c>$deleteFromPrimitiveList</c> and <c>$setElementOrder</c>.
/// </summary>
internal static class StrategicMerge
{
    private const string Directive = "$patch";
    private const string Retain = "$retainKeys";
    private const string DeletePrefix = "$deleteFromPrimitiveList/";
    private const string OrderPrefix = "$setElementOrder/";

    public static JsonObject Apply(ResourceType type, JsonObject target, JsonObject patch) =>
        MergeMap(type, "", target, patch) ?? [];

    private static JsonObject? MergeMap(ResourceType type, string name, JsonObject target, JsonObject patch)
    {
        switch (patch.String(Directive))
        {
            case "delete":
                return null;
            case "replace":
                return Plain(patch);
        }

        var result = target.Copy();
        KeepOnly(result, patch[Retain] as JsonArray);
        foreach (var (key, value) in patch)
        {
            if (!key.StartsWith('$'))
            {
                MergeMember(type, name, result, key, value);
            }
            else if (key.StartsWith(DeletePrefix, StringComparison.Ordinal) && value is JsonArray gone)
            {
                RemoveValues(result[key[DeletePrefix.Length..]] as JsonArray, gone);
            }
        }

        foreach (var (key, value) in patch)
        {
            if (key.StartsWith(OrderPrefix, StringComparison.Ordinal) && value is JsonArray order)
            {
                var list = key[OrderPrefix.Length..];
                Reorder(ListKeys.Builtin(type, name, list, strategic: true), result, list, order);
            }
        }

        return result;
    }

    private static void KeepOnly(JsonObject map, JsonArray? retained)
    {
        var keep = retained?.Select(static key => key?.ToString()).ToHashSet();
        foreach (var name in map.Select(static member => member.Key).Where(key => keep?.Contains(key) == false).ToArray())
        {
            map.Remove(name);
        }
    }

    private static void MergeMember(ResourceType type, string parent, JsonObject result, string key, JsonNode? value)
    {
        switch (value)
        {
            case null:
                result.Remove(key);
                break;
            case JsonObject change:
                result.Replace(key, MergeMap(type, key, result[key] as JsonObject ?? [], change));
                break;
            case JsonArray items:
                result[key] = MergeList(type, parent, key, result[key] as JsonArray ?? [], items);
                break;
            default:
                result[key] = value.DeepClone();
                break;
        }
    }

    private static JsonArray MergeList(ResourceType type, string parent, string name, JsonArray target, JsonArray patch)
    {
        if (patch.Any(static item => item is JsonObject map && map.String(Directive) == "replace"))
        {
            return new(
                [.. patch.Where(static item => item is not JsonObject map || !map.ContainsKey(Directive)).Select(Plain)]);
        }

        switch (ListKeys.Builtin(type, parent, name, strategic: true))
        {
            case ListKind.ValueSet:
                return new([.. target.Concat(patch).Select(static item => item?.ToString())
                    .Distinct().Select(static item => (JsonNode?)item)]);
            case ListKind.Keyed keyed:
                return MergeKeyed(type, name, keyed.Keys[0], target, patch);
            default:
                return (JsonArray)Plain(patch)!;
        }
    }

    private static JsonArray MergeKeyed(ResourceType type, string name, string key, JsonArray target, JsonArray patch)
    {
        var result = target.Select(static item => item?.DeepClone()).ToList();
        foreach (var element in patch)
        {
            var change = element as JsonObject ?? throw ApiStatusException.BadRequest(
                $"strategic merge patch: an item of {name} is no object");
            var wanted = change.At(key)?.ToString() ?? throw ApiStatusException.BadRequest(
                $"strategic merge patch: an item of {name} has no {key}, by which items are told apart");
            var at = result.FindIndex(item => item.At(key)?.ToString() == wanted);
            var merged = MergeMap(type, name, at < 0 ? [] : result[at] as JsonObject ?? [], change);
            if (at < 0)
            {
                result.Add(merged);
            }
            else
            {
                result[at] = merged;
            }
        }

        return new([.. result.Where(static item => item is not null)]);
    }

    private static void Reorder(ListKind kind, JsonObject owner, string name, JsonArray order)
    {
        if (owner[name] is not JsonArray list)
        {
            return;
        }

        var key = kind is ListKind.Keyed keyed ? keyed.Keys[0] : null;
        string? Identity(JsonNode? item) => key is null ? item?.ToString() : item.At(key)?.ToString();
        var rank = order.Select(Identity).ToList();
        var sorted = list.Select(static (item, at) => (Item: item, At: at))
            .OrderBy(pair => rank.IndexOf(Identity(pair.Item)) is var found && found >= 0 ? found : int.MaxValue)
            .ThenBy(static pair => pair.At)
            .Select(static pair => pair.Item?.DeepClone());
        owner[name] = new JsonArray([.. sorted]);
    }

    private static void RemoveValues(JsonArray? list, JsonArray gone)
    {
        var texts = gone.Select(static item => item?.ToString()).ToHashSet();
        foreach (var item in list?.Where(item => texts.Contains(item?.ToString())).ToArray() ?? [])
        {
            list!.Remove(item);
        }
    }

    /// <summary>A copy without directives.</summary>
    private static JsonNode? Plain(JsonNode? value) => value switch
    {
        JsonObject map => Plain(map),
        JsonArray list => new JsonArray([.. list.Select(Plain)]),
        _ => value?.DeepClone(),
    };

    private static JsonObject Plain(JsonObject map) => new(map
        .Where(static member => !member.Key.StartsWith('$') && member.Value is not null)
        .Select(static member => KeyValuePair.Create(member.Key, Plain(member.Value))));
}
