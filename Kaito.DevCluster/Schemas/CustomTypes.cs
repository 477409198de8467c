using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Schemas;

/// <summary>Turns CustomResourceDefinition objects into served types.</summary>
internal static class CustomTypes
{
    public static GroupResource Definitions { get; } = new("apiextensions.k8s.io", "customresourcedefinitions");

    /// <summary>Keeps the catalog equal to the stored definitions.</summary>
    public static void Observe(ResourceCatalog catalog, WatchEventType change, ObjectKey key, JsonObject value)
    {
        if (key.Resource != Definitions)
        {
            return;
        }

        if (change == WatchEventType.Deleted)
        {
            catalog.Remove(GroupResourceOf(value));
        }
        else
        {
            catalog.Set(Parse(value));
        }
    }

    public static GroupResource GroupResourceOf(JsonObject definition)
    {
        var spec = definition["spec"] as JsonObject ?? [];
        return new(spec.String("group") ?? "", spec["names"]?["plural"]?.ToString() ?? "");
    }

    /// <summary>The type that a valid definition describes.</summary>
    public static ResourceType Parse(JsonObject definition)
    {
        var spec = definition["spec"]!.AsObject();
        var names = spec["names"]!.AsObject();
        var kind = names.String("kind")!;
        return new(spec.String("group")!, kind, names.String("plural")!)
        {
            Custom = true,
            Singular = names.String("singular") ?? kind.ToLowerInvariant(),
            ListKind = names.String("listKind") ?? kind + "List",
            ShortNames = Words(names["shortNames"]),
            Categories = Words(names["categories"]),
            Namespaced = spec.String("scope") != "Cluster",
            Versions = [.. spec["versions"]!.AsArray().Select(static version => Version(version!.AsObject()))],
        };
    }

    private static TypeVersion Version(JsonObject version) => new(version.String("name")!)
    {
        Served = version.Flag("served"),
        Storage = version.Flag("storage"),
        HasStatus = version["subresources"]?["status"] is JsonObject,
        Scale = version["subresources"]?["scale"] is JsonObject scale ? Paths(scale) : null,
        Schema = (version["schema"]?["openAPIV3Schema"] as JsonObject)?.Copy(),
        Columns = [.. (version["additionalPrinterColumns"] as JsonArray ?? []).OfType<JsonObject>().Select(Column)],
    };

    private static ScalePaths Paths(JsonObject scale) => new(
        scale.String("specReplicasPath") ?? ".spec.replicas",
        scale.String("statusReplicasPath") ?? ".status.replicas",
        scale.String("labelSelectorPath"));

    private static PrinterColumn Column(JsonObject column) => new(
        column.String("name") ?? "",
        column.String("type") ?? "string",
        column.String("jsonPath") ?? "",
        (int)((column["priority"] as JsonValue)?.AsLong() ?? 0))
    {
        Description = column.String("description") ?? "",
        Format = column.String("format") ?? "",
    };

    private static ImmutableArray<string> Words(JsonNode? list) =>
        [.. (list as JsonArray ?? []).Select(static word => word?.ToString() ?? "")];
}
