using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Kaito.Core.Api;

/// <summary>A column of <c>kubectl get</c>.</summary>
internal sealed record PrinterColumn(string Name, string Type, string JsonPath)
{
    public static readonly PrinterColumn Age = new("Age", "date", ".metadata.creationTimestamp");

    public static PrinterColumn OfCondition(string type) =>
        new(type, "string", $".status.conditions[?(@.type==\"{type}\")].status");
}

/// <summary>What a CustomResourceDefinition says beyond its record.</summary>
/// <param name="Root">The record.</param>
/// <param name="Kind">The kind; in lower case it is the singular name and the category.</param>
/// <param name="Plural">The plural name.</param>
/// <param name="ShortNames">What kubectl takes for it.</param>
/// <param name="Columns">The columns of v1alpha1, or of v1beta1.</param>
internal sealed record CrdKind(
    Type Root,
    string Kind,
    string Plural,
    ImmutableArray<string> ShortNames,
    Func<bool, ImmutableArray<PrinterColumn>> Columns)
{
    /// <summary>The scale subresource; <see langword="null"/> for none.</summary>
    public JsonObject? Scale { get; init; }

    /// <summary>What kubectl prints to users of v1alpha1; <see langword="null"/> where it is not deprecated.</summary>
    public string? AlphaWarning { get; init; }

    private string Singular => Kind.ToLowerInvariant();

    public JsonObject Definition() => new()
    {
        ["apiVersion"] = "apiextensions.k8s.io/v1",
        ["kind"] = "CustomResourceDefinition",
        ["metadata"] = new JsonObject { ["name"] = $"{Plural}.{WorkspaceResource.Group}" },
        ["spec"] = new JsonObject
        {
            ["group"] = WorkspaceResource.Group,
            ["names"] = new JsonObject
            {
                ["categories"] = new JsonArray(Singular),
                ["kind"] = Kind,
                ["listKind"] = $"{Kind}List",
                ["plural"] = Plural,
                ["shortNames"] = new JsonArray([.. ShortNames.Select(static name => (JsonNode)name)]),
                ["singular"] = Singular,
            },
            ["scope"] = "Namespaced",
            ["versions"] = new JsonArray(Version(alpha: true), Version(alpha: false)),
        },
    };

    private JsonObject Version(bool alpha)
    {
        var version = new JsonObject
        {
            ["additionalPrinterColumns"] = new JsonArray([.. Columns(alpha).Select(Column)]),
            ["name"] = alpha ? "v1alpha1" : "v1beta1",
            ["schema"] = new JsonObject { ["openAPIV3Schema"] = CrdSchema.Of(Root, alpha) },
            ["served"] = true,
            ["storage"] = !alpha,
            ["subresources"] = new JsonObject { ["status"] = new JsonObject() },
        };
        if (alpha && AlphaWarning is not null)
        {
            version["deprecated"] = true;
            version["deprecationWarning"] = AlphaWarning;
        }

        if (Scale is not null)
        {
            version["subresources"]!["scale"] = Scale.DeepClone();
        }

        return version;
    }

    private static JsonNode Column(PrinterColumn column) =>
        new JsonObject { ["jsonPath"] = column.JsonPath, ["name"] = column.Name, ["type"] = column.Type };
}
