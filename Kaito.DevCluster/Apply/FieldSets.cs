using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Apply;

/// <summary>
/// Sets of fields in the fieldsV1 form: <c>{"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:image":{}}}}}</c>.
/// An empty object is a leaf: the field as a whole.
/// </summary>
internal static class FieldSets
{
    public const string Self = ".";

    /// <summary>The fields that a manifest sets; what the server owns is left out.</summary>
    public static JsonObject Of(JsonObject value, FieldCursor root)
    {
        var set = OfMap(value, root);
        foreach (var name in (string[])["f:apiVersion", "f:kind"])
        {
            set.Remove(name);
        }

        if (set["f:metadata"] is JsonObject meta)
        {
            foreach (var owned in (string[])["name", "namespace", "uid", "resourceVersion", "generation",
                "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "selfLink"])
            {
                meta.Remove("f:" + owned);
            }

            if (!meta.Any(static member => member.Key != Self))
            {
                set.Remove("f:metadata");
            }
        }

        return set;
    }

    public static string KeyOf(JsonNode? item, ListKind kind) => kind switch
    {
        ListKind.Keyed keyed => "k:" + new JsonObject(keyed.Keys.Order(StringComparer.Ordinal)
            .Select(key => (Key: key, Value: (item as JsonObject)?[key] ?? (key == "protocol" ? "TCP" : null)))
            .Where(static pair => pair.Value is not null)
            .Select(static pair => KeyValuePair.Create(pair.Key, pair.Value?.DeepClone()))).ToJsonString(),
        _ => "v:" + (item?.ToJsonString() ?? "null"),
    };

    public static JsonObject Union(JsonObject left, JsonObject right)
    {
        var result = left.Copy();
        foreach (var (name, child) in right)
        {
            result[name] = result[name] is JsonObject mine ? Union(mine, (JsonObject)child!) : child!.DeepClone();
        }

        return result;
    }

    /// <summary>The leaves of <paramref name="left"/> that are not in <paramref name="right"/>.</summary>
    public static JsonObject Except(JsonObject left, JsonObject right)
    {
        var result = new JsonObject();
        foreach (var (name, child) in left)
        {
            var mine = (JsonObject)child!;
            if (right[name] is not JsonObject theirs)
            {
                result[name] = mine.Copy();
            }
            else if (mine.Count > 0 && theirs.Count > 0 && Except(mine, theirs) is { Count: > 0 } rest)
            {
                result[name] = rest;
            }
        }

        return result;
    }

    /// <summary>The leaves that are in both sets; a leaf covers everything below it.</summary>
    public static JsonObject Both(JsonObject left, JsonObject right)
    {
        var result = new JsonObject();
        foreach (var (name, child) in left)
        {
            if (right[name] is not JsonObject theirs)
            {
                continue;
            }

            var mine = (JsonObject)child!;
            var shared = mine.Count == 0 ? theirs.Copy() : theirs.Count == 0 ? mine.Copy() : Both(mine, theirs);
            if (shared.Count > 0 || (mine.Count == 0 && theirs.Count == 0))
            {
                result[name] = shared;
            }
        }

        return result;
    }

    /// <summary>Readable paths of the leaves, <c>.spec.replicas</c>.</summary>
    public static IEnumerable<string> Leaves(JsonObject set, string prefix = "")
    {
        foreach (var (name, child) in set)
        {
            if (name == Self)
            {
                continue;
            }

            var path = prefix + Shown(name);
            var below = (JsonObject)child!;
            if (!below.Any(static member => member.Key != Self))
            {
                yield return path;
                continue;
            }

            foreach (var leaf in Leaves(below, path))
            {
                yield return leaf;
            }
        }
    }

    private static string Shown(string name) => name[..2] switch
    {
        "f:" => "." + name[2..],
        "k:" => $"[{string.Join(",", JsonNode.Parse(name[2..])!.AsObject()
            .Select(static key => $"{key.Key}={key.Value?.ToJsonString()}"))}]",
        _ => $"[={name[2..]}]",
    };

    private static JsonObject OfMap(JsonObject value, FieldCursor at)
    {
        var set = new JsonObject();
        foreach (var (name, child) in value)
        {
            set["f:" + name] = child switch
            {
                JsonObject map when !at.AtomicMap(name) => OfMap(map, at.Child(name)),
                JsonArray list => OfList(list, at.ListAt(name), at.Child(name).Item()),
                _ => new JsonObject(),
            };
        }

        return set;
    }

    private static JsonObject OfList(JsonArray list, ListKind kind, FieldCursor item)
    {
        var set = new JsonObject();
        if (kind is ListKind.Atomic)
        {
            return set;
        }

        foreach (var element in list)
        {
            var fields = kind is ListKind.Keyed && element is JsonObject map ? OfMap(map, item) : [];
            if (kind is ListKind.Keyed)
            {
                fields[Self] = new JsonObject();
            }

            set[KeyOf(element, kind)] = fields;
        }

        return set;
    }
}
