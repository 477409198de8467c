using System.Text.Json.Nodes;
using Kaito.DevCluster.Schemas;

namespace Kaito.DevCluster.Apply;

/// <summary>A place in an object, from which it is known which lists merge.</summary>
internal readonly record struct FieldCursor(ResourceType Type, JsonObject? Schema, string Name, bool Builtin)
{
    public static FieldCursor Root(ResourceType type, TypeVersion version) =>
        new(type, version.Schema, "", !type.Custom);

    public FieldCursor Child(string name)
    {
        if (Builtin || (Name.Length == 0 && name == "metadata"))
        {
            return new(Type, null, name, true);
        }

        var schema = Schema?["properties"]?[name] as JsonObject ?? Schema?["additionalProperties"] as JsonObject;
        return new(Type, schema, name, false);
    }

    public FieldCursor Item() => Builtin ? this : new(Type, Schema?["items"] as JsonObject, Name, false);

    /// <summary>How the list at member <paramref name="name"/> merges.</summary>
    public ListKind ListAt(string name) => Builtin || (Name.Length == 0 && name == "metadata")
        ? ListKeys.Builtin(Type, Name, name, strategic: false)
        : ListKeys.Custom(Child(name).Schema);

    /// <summary>True when the object at member <paramref name="name"/> is one value.</summary>
    public bool AtomicMap(string name) => Builtin
        ? name is "selector" && Name == "spec" && Type.Kind != "Service"
        : (Schema?["properties"]?[name] as JsonObject)?["x-kubernetes-map-type"]?.ToString() == "atomic";
}
