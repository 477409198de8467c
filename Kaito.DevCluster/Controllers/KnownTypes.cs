using System.Text.Json.Nodes;
using Kaito.DevCluster.Schemas;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Controllers;

/// <summary>A resource with its kind.</summary>
internal readonly record struct KnownType(GroupResource Resource, string Kind, bool Namespaced)
{
    /// <summary>The built-in types and those of the present CustomResourceDefinitions.</summary>
    public static IReadOnlyList<KnownType> All(IClusterStore store) =>
    [
        .. BuiltinTypes.All.Select(static type => new KnownType(type.Resource, type.Kind, type.Namespaced)),
        .. store.List(Resources.Definitions).Items.Select(static definition => new KnownType(
            new(definition.Text("spec", "group") ?? "", definition.Text("spec", "names", "plural") ?? ""),
            definition.Text("spec", "names", "kind") ?? "",
            definition.Text("spec", "scope") == "Namespaced")),
    ];

    /// <summary>All objects of the type; none while its definition is not established.</summary>
    public IReadOnlyList<JsonObject> List(IClusterStore store, string? ns)
    {
        try
        {
            return store.List(Resource, ns, ObjectSelector.Everything).Items;
        }
        catch (ApiStatusException unknown) when (unknown.Status.Code == 404)
        {
            return [];
        }
    }
}
