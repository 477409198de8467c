using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Schemas;

/// <summary>What holds for every object before anything else looks at it: its nesting, and the types of its members.</summary>
internal static class ObjectShape
{
    /// <summary>Deeper objects are refused: what walks them recursively must not run out of stack.</summary>
    private const int MaxDepth = 100;

    /// <summary>
    /// Drops members of built-in kinds that are null, as decoding does, and throws a 400 that names each member of the
    /// wrong type. Custom resources have only their metadata checked: their schema does the rest.
    /// </summary>
    public static void Require(ResourceType type, JsonObject value)
    {
        if (IsDeep(value, MaxDepth))
        {
            throw ApiStatusException.BadRequest($"the object is nested more than {MaxDepth} levels deep");
        }

        if (value["metadata"] is { } meta)
        {
            DropNulls(meta);
            var schema = new JsonObject { ["type"] = "object" };
            var causes = SchemaCheck.CheckValue(meta is JsonObject ? BuiltinSchemas.Meta : schema, meta, "metadata");
            Refuse(type, value, causes);
        }

        if (BuiltinSchemas.Of(type) is { } known)
        {
            DropNulls(value);
            Refuse(type, value, SchemaCheck.Check(known, value));
        }
    }

    /// <summary>Removes the members that the kind does not have; returns their paths.</summary>
    public static IReadOnlyList<string> RemoveUnknown(ResourceType type, TypeVersion version, JsonObject value)
    {
        var removed = new List<string>();
        if (value["metadata"] is JsonObject meta)
        {
            removed.AddRange(SchemaShape.Prune(BuiltinSchemas.Meta, meta).Select(static path => $"metadata.{path}"));
        }

        if ((version.Schema ?? BuiltinSchemas.Of(type)) is { } schema)
        {
            removed.AddRange(SchemaShape.Prune(schema, value));
        }

        return removed;
    }

    /// <summary>Whether anything lies more than so many objects and lists down.</summary>
    public static bool IsDeep(JsonNode? node, int levels) => node switch
    {
        JsonObject or JsonArray when levels == 0 => true,
        JsonObject map => map.Any(member => IsDeep(member.Value, levels - 1)),
        JsonArray list => list.Any(item => IsDeep(item, levels - 1)),
        _ => false,
    };

    private static void Refuse(ResourceType type, JsonObject value, ImmutableArray<StatusCause> causes)
    {
        if (causes.Length == 0)
        {
            return;
        }

        var shown = string.Join(", ", causes.Take(10).Select(static cause => $"{cause.Field}: {cause.Message}"));
        var version = type.ApiVersion(type.StorageVersion.Name);
        throw new ApiStatusException(new(
            400, "BadRequest", $"{type.Kind} in version \"{version}\" cannot be handled as a {type.Kind}: {shown}")
        {
            Resource = type.Resource,
            Name = value.String("metadata", "name"),
            Causes = causes,
        });
    }

    private static void DropNulls(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject map:
                foreach (var name in map.Where(static m => m.Value is null).Select(static m => m.Key).ToArray())
                {
                    map.Remove(name);
                }

                foreach (var (_, child) in map)
                {
                    DropNulls(child);
                }

                break;
            case JsonArray list:
                foreach (var item in list)
                {
                    DropNulls(item);
                }

                break;
        }
    }
}
