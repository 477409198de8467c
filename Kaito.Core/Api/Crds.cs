using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Kaito.Core.Api;

/// <summary>A CustomResourceDefinition ready to apply.</summary>
/// <param name="Name">metadata.name, e.g. <c>workspaces.kaito.sh</c>.</param>
/// <param name="Json">The manifest as JSON text.</param>
/// <param name="Yaml">The manifest as YAML text; what deploy/crds holds.</param>
public sealed record CrdManifest(string Name, string Json, string Yaml);

/// <summary>The custom resources of KAITO, generated from the records.</summary>
public static class Crds
{
    private static readonly Lazy<ImmutableArray<CrdManifest>> s_all = new(static () => [Manifest(Workspaces())]);

    /// <summary>Every manifest; the operator installs them, and deploy/crds holds the same text.</summary>
    public static ImmutableArray<CrdManifest> All => s_all.Value;

    private static CrdManifest Manifest(JsonObject crd) => new(
        crd["metadata"]!["name"]!.GetValue<string>(),
        crd.ToJsonString(),
        "# Generated from the records in Kaito.Core/Api: KAITO_ACCEPT=1 and the tests of Crds rewrite it.\n"
        + YamlWriter.Write(crd));

    private static JsonObject Workspaces() => new()
    {
        ["apiVersion"] = "apiextensions.k8s.io/v1",
        ["kind"] = "CustomResourceDefinition",
        ["metadata"] = new JsonObject { ["name"] = $"{WorkspaceResource.Plural}.{WorkspaceResource.Group}" },
        ["spec"] = new JsonObject
        {
            ["group"] = WorkspaceResource.Group,
            ["names"] = new JsonObject
            {
                ["categories"] = new JsonArray("workspace"),
                ["kind"] = WorkspaceResource.KindName,
                ["listKind"] = $"{WorkspaceResource.KindName}List",
                ["plural"] = WorkspaceResource.Plural,
                ["shortNames"] = new JsonArray("wk", "wks"),
                ["singular"] = "workspace",
            },
            ["scope"] = "Namespaced",
            ["versions"] = new JsonArray(WorkspaceVersion(alpha: true), WorkspaceVersion(alpha: false)),
        },
    };

    private static JsonObject WorkspaceVersion(bool alpha) => new()
    {
        ["additionalPrinterColumns"] = WorkspaceColumns(alpha),
        ["name"] = alpha ? "v1alpha1" : "v1beta1",
        ["schema"] = new JsonObject { ["openAPIV3Schema"] = CrdSchema.Of(typeof(WorkspaceResource), alpha) },
        ["served"] = true,
        ["storage"] = !alpha,
        ["subresources"] = new JsonObject { ["status"] = new JsonObject() },
    };

    private static JsonArray WorkspaceColumns(bool alpha)
    {
        var columns = new JsonArray(
            Column("Instance", "string", ".resource.instanceType"),
            ConditionColumn(ConditionTypes.ResourceReady),
            ConditionColumn(ConditionTypes.InferenceReady),
            ConditionColumn(ConditionTypes.JobStarted),
            ConditionColumn(ConditionTypes.WorkspaceSucceeded));
        if (!alpha)
        {
            columns.Add((JsonNode)Column("TargetNodeCount", "integer", ".status.targetNodeCount"));
            columns.Add((JsonNode)Column("State", "string", ".status.state"));
        }

        columns.Add((JsonNode)Column("Age", "date", ".metadata.creationTimestamp"));
        return columns;
    }

    private static JsonObject ConditionColumn(string type) =>
        Column(type, "string", $".status.conditions[?(@.type==\"{type}\")].status");

    private static JsonObject Column(string name, string type, string path) =>
        new() { ["jsonPath"] = path, ["name"] = name, ["type"] = type };
}
