using System.Globalization;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Schemas;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.OpenApi;

/// <summary>
/// OpenAPI v3 documents: full schemas for custom resources; names and types without descriptions for built-in kinds.
/// kubectl reads them for explain, and to learn that the server validates fields.
/// </summary>
internal static class OpenApiDocuments
{
    private const string MetaName = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

    /// <summary>The list of documents, one per group and version.</summary>
    public static JsonObject Index(ResourceCatalog catalog)
    {
        var paths = new JsonObject();
        foreach (var (group, version) in Served(catalog))
        {
            var path = PathOf(group, version);
            var hash = Hash(catalog, group, version);
            paths[path] = new JsonObject
            {
                ["serverRelativeURL"] = string.Create(CultureInfo.InvariantCulture, $"/openapi/v3/{path}?hash={hash:X8}"),
            };
        }

        return new() { ["paths"] = paths };
    }

    // Built-in groups never change, and no definition may join them.
    private static int Hash(ResourceCatalog catalog, string group, string version) =>
        BuiltinTypes.All.Any(type => type.Group == group)
            ? 1
            : Document(catalog, group, version)!.ToJsonString().GetHashCode(StringComparison.Ordinal);

    /// <summary>One document, or null when nothing of the group and version is served.</summary>
    public static JsonObject? Document(ResourceCatalog catalog, string group, string version)
    {
        var paths = new JsonObject();
        var schemas = new JsonObject { [MetaName] = ObjectMetaSchema() };
        foreach (var type in catalog.All.Where(type => type.Group == group))
        {
            if (type.Served(version) is { } served)
            {
                schemas[SchemaName(type, version)] = Schema(type, served);
                AddPaths(paths, type, version);
            }
        }

        return paths.Count == 0
            ? null
            : new()
            {
                ["openapi"] = "3.0.0",
                ["info"] = new JsonObject { ["title"] = "Kaito dev cluster", ["version"] = "v1.32.0" },
                ["paths"] = paths,
                ["components"] = new JsonObject { ["schemas"] = schemas },
            };
    }

    private static IEnumerable<(string Group, string Version)> Served(ResourceCatalog catalog) => catalog.All
        .SelectMany(static type => type.Versions.Where(static v => v.Served).Select(v => (type.Group, v.Name)))
        .Distinct();

    private static string PathOf(string group, string version) =>
        group.Length == 0 ? $"api/{version}" : $"apis/{group}/{version}";

    private static string SchemaName(ResourceType type, string version) =>
        $"{string.Join('.', (type.Group.Length == 0 ? "core" : type.Group).Split('.').Reverse())}.{version}.{type.Kind}";

    private static JsonObject Schema(ResourceType type, TypeVersion version)
    {
        // The second form of events has other members.
        var known = version.Schema ?? (type.Group == "events.k8s.io" ? null : BuiltinSchemas.Of(type));
        var schema = known?.Copy() ?? new JsonObject
        {
            ["properties"] = new JsonObject { ["spec"] = Open(), ["status"] = Open() },
        };
        schema.Default("description", type.Custom
            ? $"{type.Kind}."
            : $"{type.Kind}: names and types only, the dev cluster has no descriptions of built-in kinds.");
        schema["type"] = "object";
        var properties = schema.Child("properties");
        properties["apiVersion"] = Text("The version of this representation of the object.");
        properties["kind"] = Text("The kind of the object.");
        properties["metadata"] = new JsonObject
        {
            ["description"] = "Names, labels, owners and what the server records.",
            ["default"] = new JsonObject(),
            ["allOf"] = new JsonArray(new JsonObject { ["$ref"] = $"#/components/schemas/{MetaName}" }),
        };
        schema["x-kubernetes-group-version-kind"] = new JsonArray(Identity(type, version.Name));
        return schema;
    }

    private static void AddPaths(JsonObject paths, ResourceType type, string version)
    {
        var root = $"/{PathOf(type.Group, version)}/{(type.Namespaced ? "namespaces/{namespace}/" : "")}{type.Plural}";
        paths[root] = new JsonObject
        {
            ["post"] = Operation(type, version, "post"),
            ["get"] = Operation(type, version, "list"),
        };
        paths[root + "/{name}"] = new JsonObject
        {
            ["get"] = Operation(type, version, "get"),
            ["put"] = Operation(type, version, "put"),
            ["patch"] = Operation(type, version, "patch"),
            ["delete"] = Operation(type, version, "delete"),
        };
    }

    private static JsonObject Operation(ResourceType type, string version, string action) => new()
    {
        ["operationId"] = $"{action}{type.Group}{version}{type.Kind}",
        ["parameters"] = action is "post" or "put" or "patch"
            ? new JsonArray(Query("fieldManager"), Query("fieldValidation"), Query("dryRun"))
            : [],
        ["responses"] = new JsonObject { ["200"] = new JsonObject { ["description"] = "OK" } },
        ["x-kubernetes-action"] = action,
        ["x-kubernetes-group-version-kind"] = Identity(type, version),
    };

    private static JsonObject Identity(ResourceType type, string version) => new()
    {
        ["group"] = type.Group,
        ["kind"] = type.Kind,
        ["version"] = version,
    };

    private static JsonObject Query(string name) => new()
    {
        ["name"] = name,
        ["in"] = "query",
        ["schema"] = new JsonObject { ["type"] = "string", ["uniqueItems"] = true },
    };

    private static JsonObject Open() => new()
    {
        ["type"] = "object",
        ["x-kubernetes-preserve-unknown-fields"] = true,
    };

    private static JsonObject Text(string description) => new() { ["type"] = "string", ["description"] = description };

    private static JsonObject ObjectMetaSchema()
    {
        var properties = new JsonObject();
        foreach (var name in (string[])["name", "generateName", "namespace", "uid", "resourceVersion",
            "creationTimestamp", "deletionTimestamp"])
        {
            properties[name] = new JsonObject { ["type"] = "string" };
        }

        foreach (var name in (string[])["labels", "annotations"])
        {
            properties[name] = new JsonObject
            {
                ["type"] = "object",
                ["additionalProperties"] = new JsonObject { ["type"] = "string" },
            };
        }

        properties["finalizers"] = new JsonObject
        {
            ["type"] = "array",
            ["items"] = new JsonObject { ["type"] = "string" },
        };
        properties["generation"] = new JsonObject { ["type"] = "integer", ["format"] = "int64" };
        properties["ownerReferences"] = new JsonObject { ["type"] = "array", ["items"] = Open() };
        return new()
        {
            ["description"] = "Metadata that every object has.",
            ["type"] = "object",
            ["properties"] = properties,
        };
    }
}
