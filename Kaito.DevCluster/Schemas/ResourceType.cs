using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Schemas;

/// <summary>A printer column: what <c>kubectl get</c> shows and where it comes from.</summary>
/// <param name="Name">Column header.</param>
/// <param name="Type">string, integer, number, boolean or date.</param>
/// <param name="JsonPath">A path such as <c>.spec.replicas</c>.</param>
/// <param name="Priority">Above 0 is shown only with <c>-o wide</c>.</param>
internal sealed record PrinterColumn(string Name, string Type, string JsonPath, int Priority = 0)
{
    public string Description { get; init; } = "";

    public string Format { get; init; } = "";
}

/// <summary>The scale subresource's paths into the object.</summary>
internal sealed record ScalePaths(string SpecReplicas, string StatusReplicas, string? LabelSelector);

/// <summary>One version of a resource.</summary>
internal sealed record TypeVersion(string Name)
{
    public bool Served { get; init; } = true;

    public bool Storage { get; init; } = true;

    public bool HasStatus { get; init; }

    public ScalePaths? Scale { get; init; }

    /// <summary>The OpenAPI v3 schema of a custom resource; null for built-in kinds.</summary>
    public JsonObject? Schema { get; init; }

    public ImmutableArray<PrinterColumn> Columns { get; init; } = [];
}

/// <summary>A resource that the API serves.</summary>
internal sealed record ResourceType(string Group, string Kind, string Plural)
{
    public required ImmutableArray<TypeVersion> Versions { get; init; }

    public string Singular { get; init; } = Kind.ToLowerInvariant();

    public string ListKind { get; init; } = Kind + "List";

    public ImmutableArray<string> ShortNames { get; init; } = [];

    public ImmutableArray<string> Categories { get; init; } = [];

    public bool Namespaced { get; init; } = true;

    /// <summary>True for types that come from a CustomResourceDefinition.</summary>
    public bool Custom { get; init; }

    public GroupResource Resource => new(Group, Plural);

    public TypeVersion StorageVersion => Versions.First(static version => version.Storage);

    public string ApiVersion(string version) => Group.Length == 0 ? version : $"{Group}/{version}";

    public TypeVersion? Served(string version) =>
        Versions.FirstOrDefault(candidate => candidate.Served && candidate.Name == version);
}
