using System.Text.Json.Nodes;
using Kaito.Core.Api;

namespace Kaito.Tests.Core.Api;

public sealed class CrdsTests
{
    [Theory]
    [InlineData("inferencesets")]
    [InlineData("ragengines")]
    [InlineData("workspaces")]
    public void All_Manifest_IsTheFileInDeploy(string plural) =>
        Golden.Match(Manifest(plural).Yaml, $"../../../deploy/crds/kaito.sh_{plural}.yaml");

    [Fact]
    public void All_YamlAndJson_SayTheSame() => Assert.All(Crds.All, static manifest =>
    {
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(manifest.Json), Yaml.ToJson(manifest.Yaml)));
    });

    [Theory]
    [InlineData("inferencesets", "is isets", "status scale")]
    [InlineData("ragengines", "rag", "status")]
    [InlineData("workspaces", "wk wks", "status")]
    public void All_NamesVersionsAndSubresources_AreUpstreams(string plural, string shortNames, string subresources)
    {
        var spec = Spec(plural);

        Assert.Equal(
            ["v1alpha1 True False", "v1beta1 True True"],
            spec["versions"]!.AsArray().Select(static v => $"{v!["name"]} {v["served"]!.GetValue<bool>()} {v["storage"]!.GetValue<bool>()}"));
        Assert.Equal(shortNames, string.Join(' ', spec["names"]!["shortNames"]!.AsArray().Select(static n => $"{n}")));
        Assert.All(spec["versions"]!.AsArray(), version => Assert.Equal(
            subresources, string.Join(' ', version!["subresources"]!.AsObject().Select(static s => s.Key))));
    }

    [Theory]
    [InlineData("workspaces", 0, "Instance ResourceReady InferenceReady JobStarted WorkspaceSucceeded Age")]
    [InlineData("workspaces", 1, "Instance ResourceReady InferenceReady JobStarted WorkspaceSucceeded TargetNodeCount State Age")]
    [InlineData("inferencesets", 0, "Replicas ReadyReplicas Age")]
    [InlineData("inferencesets", 1, "Replicas ReadyReplicas Age")]
    [InlineData("ragengines", 1, "Instance ResourceReady ServiceReady Age")]
    public void All_PrinterColumns_AreUpstreams(string plural, int version, string columns) =>
        Assert.Equal(columns, string.Join(' ', Version(plural, version)["additionalPrinterColumns"]!.AsArray().Select(static c => $"{c!["name"]}")));

    [Fact]
    public void All_EveryProperty_IsExplained() => Assert.All(Crds.All, static manifest =>
    {
        var schema = JsonNode.Parse(manifest.Json)!["spec"]!["versions"]![1]!["schema"]!["openAPIV3Schema"]!.AsObject();

        Assert.Equal([".metadata"], Unexplained(schema, ""));
    });

    [Fact]
    public void All_Versions_ServeTheSameMembers() => Assert.All(Crds.All, static manifest =>
    {
        var versions = JsonNode.Parse(manifest.Json)!["spec"]!["versions"]!.AsArray();

        Assert.Equal(Paths(versions[1]!["schema"]!["openAPIV3Schema"]!, ""), Paths(versions[0]!["schema"]!["openAPIV3Schema"]!, ""));
    });

    [Fact]
    public void All_InstanceTypeDefault_IsOfAlphaOnly()
    {
        static JsonNode? Default(int version) =>
            Version("workspaces", version)["schema"]!["openAPIV3Schema"]!["properties"]!["resource"]!["properties"]!["instanceType"]!["default"];

        Assert.Equal("Standard_NC24ads_A100_v4", $"{Default(0)}");
        Assert.Null(Default(1));
    }

    [Fact]
    public void All_DeprecatedAlphaRagEngine_WarnsInUpstreamsWords()
    {
        var alpha = Version("ragengines", 0);

        Assert.True(alpha["deprecated"]!.GetValue<bool>());
        Assert.Equal("kaito.sh/v1alpha1 RAGEngine is deprecated; use kaito.sh/v1beta1 RAGEngine", $"{alpha["deprecationWarning"]}");
        Assert.Null(Version("ragengines", 1)["deprecated"]);
    }

    [Fact]
    public void WithoutRules_Manifest_LosesNothingElse() => Assert.All(Crds.All, static manifest =>
    {
        var stripped = Yaml.ToJson(manifest.Yaml)!;
        foreach (var owner in Descendants(stripped).OfType<JsonObject>().Where(static o => o.ContainsKey(CrdManifest.RulesField)).ToArray())
        {
            owner.Remove(CrdManifest.RulesField);
        }

        Assert.Contains(CrdManifest.RulesField, manifest.Json, StringComparison.Ordinal);
        Assert.True(JsonNode.DeepEquals(stripped, JsonNode.Parse(manifest.WithoutRules())));
    });

    private static IEnumerable<JsonNode> Descendants(JsonNode node) =>
        (node is JsonObject map ? map.Select(static m => m.Value) : node as JsonArray ?? (IEnumerable<JsonNode?>)[])
        .OfType<JsonNode>().SelectMany(Descendants).Prepend(node);

    private static CrdManifest Manifest(string plural) => Assert.Single(Crds.All, crd => crd.Name == $"{plural}.kaito.sh");

    private static JsonNode Spec(string plural) => JsonNode.Parse(Manifest(plural).Json)!["spec"]!;

    private static JsonNode Version(string plural, int index) => Spec(plural)["versions"]![index]!;

    private static IEnumerable<string> Paths(JsonNode schema, string path)
    {
        yield return path;
        foreach (var inner in (schema["properties"]?.AsObject() ?? []).SelectMany(p => Paths(p.Value!, $"{path}.{p.Key}")))
        {
            yield return inner;
        }

        foreach (var inner in schema["items"] is { } items ? Paths(items, $"{path}[]") : [])
        {
            yield return inner;
        }
    }

    private static IEnumerable<string> Unexplained(JsonObject schema, string path)
    {
        foreach (var (name, property) in schema["properties"]?.AsObject() ?? [])
        {
            if (property!["description"] is null)
            {
                yield return $"{path}.{name}";
            }

            foreach (var inner in Unexplained(
                (property["items"] ?? property["additionalProperties"] ?? property).AsObject(), $"{path}.{name}"))
            {
                yield return inner;
            }
        }
    }
}
