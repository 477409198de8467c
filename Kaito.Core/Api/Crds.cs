using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Kaito.Core.Api;

/// <summary>A CustomResourceDefinition ready to apply.</summary>
/// <param name="Name">metadata.name, e.g. <c>workspaces.kaito.sh</c>.</param>
/// <param name="Json">The manifest as JSON text.</param>
/// <param name="Yaml">The manifest as YAML text; what deploy/crds holds.</param>
public sealed record CrdManifest(string Name, string Json, string Yaml)
{
    /// <summary>The member of a schema that holds rules in the Common Expression Language.</summary>
    public const string RulesField = "x-kubernetes-validations";

    /// <summary>The manifest as JSON text for API servers before 1.25, which do not know rules.</summary>
    public string WithoutRules()
    {
        var crd = JsonNode.Parse(Json)!;
        Strip(crd);
        return crd.ToJsonString();
    }

    private static void Strip(JsonNode? node)
    {
        (node as JsonObject)?.Remove(RulesField);
        foreach (var child in node switch
        {
            JsonObject members => members.Select(static member => member.Value),
            JsonArray items => items,
            _ => [],
        })
        {
            Strip(child);
        }
    }
}

/// <summary>The custom resources of KAITO, generated from the records.</summary>
/// <remarks>
/// Both versions of a kind serve the same members: the API server's conversion strategy <c>None</c> is then lossless, and
/// no object depends on a running operator to be read.
/// </remarks>
public static class Crds
{
    private static readonly CrdKind s_workspaces = new(
        typeof(WorkspaceResource), WorkspaceResource.KindName, WorkspaceResource.Plural, ["wk", "wks"],
        static alpha =>
        [
            new("Instance", "string", ".resource.instanceType"),
            PrinterColumn.OfCondition(ConditionTypes.ResourceReady),
            PrinterColumn.OfCondition(ConditionTypes.InferenceReady),
            PrinterColumn.OfCondition(ConditionTypes.JobStarted),
            PrinterColumn.OfCondition(ConditionTypes.WorkspaceSucceeded),
            .. alpha
                ? ImmutableArray<PrinterColumn>.Empty
                :
                [
                    new("TargetNodeCount", "integer", ".status.targetNodeCount"),
                    new("State", "string", ".status.state"),
                ],
            PrinterColumn.Age,
        ]);

    private static readonly CrdKind s_inferenceSets = new(
        typeof(InferenceSetResource), InferenceSetResource.KindName, InferenceSetResource.Plural, ["is", "isets"],
        static _ =>
        [
            new("Replicas", "integer", ".spec.replicas"),
            new("ReadyReplicas", "integer", ".status.readyReplicas"),
            PrinterColumn.Age,
        ])
    {
        Scale = new JsonObject
        {
            ["labelSelectorPath"] = ".status.selector",
            ["specReplicasPath"] = ".spec.replicas",
            ["statusReplicasPath"] = ".status.replicas",
        },
    };

    private static readonly CrdKind s_ragEngines = new(
        typeof(RagEngineResource), RagEngineResource.KindName, RagEngineResource.Plural, ["rag"],
        static _ =>
        [
            new("Instance", "string", ".spec.compute.instanceType"),
            PrinterColumn.OfCondition(ConditionTypes.ResourceReady),
            PrinterColumn.OfCondition(ConditionTypes.ServiceReady),
            PrinterColumn.Age,
        ])
    {
        AlphaWarning = "kaito.sh/v1alpha1 RAGEngine is deprecated; use kaito.sh/v1beta1 RAGEngine",
    };

    private static readonly Lazy<ImmutableArray<CrdManifest>> s_all = new(static () =>
        [Manifest(s_inferenceSets), Manifest(s_ragEngines), Manifest(s_workspaces)]);

    /// <summary>Every manifest by name; the operator installs them, and deploy/crds holds the same text.</summary>
    public static ImmutableArray<CrdManifest> All => s_all.Value;

    private static CrdManifest Manifest(CrdKind kind)
    {
        var crd = kind.Definition();
        return new(
            crd["metadata"]!["name"]!.GetValue<string>(),
            crd.ToJsonString(),
            "# Generated from the records in Kaito.Core/Api: KAITO_ACCEPT=1 and the tests of Crds rewrite it.\n"
            + YamlWriter.Write(crd));
    }
}
