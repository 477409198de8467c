using System.Text.Json.Nodes;
using Kaito.Core.Api;

namespace Kaito.Tests.Core.Api;

public sealed class CrdsTests
{
    [Fact]
    public void All_Workspaces_IsTheFileInDeploy()
    {
        var manifest = Assert.Single(Crds.All);

        Assert.Equal("workspaces.kaito.sh", manifest.Name);
        Golden.Match(manifest.Yaml, "../../../deploy/crds/kaito.sh_workspaces.yaml");
    }

    [Fact]
    public void All_YamlAndJson_SayTheSame() => Assert.All(Crds.All, static manifest =>
    {
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(manifest.Json), Yaml.ToJson(manifest.Yaml)));
    });

    [Fact]
    public void All_BothVersions_AreServedAndBetaIsStored()
    {
        var spec = JsonNode.Parse(Crds.All[0].Json)!["spec"]!;

        Assert.Equal(
            ["v1alpha1 True False", "v1beta1 True True"],
            spec["versions"]!.AsArray().Select(
                static v => $"{v!["name"]} {v["served"]!.GetValue<bool>()} {v["storage"]!.GetValue<bool>()}"));
        Assert.Equal(["wk", "wks"], spec["names"]!["shortNames"]!.AsArray().Select(static n => n!.GetValue<string>()));
    }

    [Theory]
    [InlineData(0, "Instance ResourceReady InferenceReady JobStarted WorkspaceSucceeded Age")]
    [InlineData(1, "Instance ResourceReady InferenceReady JobStarted WorkspaceSucceeded TargetNodeCount State Age")]
    public void All_PrinterColumns_AreUpstreams(int version, string columns)
    {
        var entry = JsonNode.Parse(Crds.All[0].Json)!["spec"]!["versions"]![version]!;

        Assert.Equal(columns, string.Join(
            ' ', entry["additionalPrinterColumns"]!.AsArray().Select(static c => $"{c!["name"]}")));
    }

    [Fact]
    public void All_EveryProperty_IsExplained()
    {
        var schema = JsonNode.Parse(Crds.All[0].Json)!["spec"]!["versions"]![1]!["schema"]!["openAPIV3Schema"]!.AsObject();

        Assert.Equal([".metadata"], Unexplained(schema, ""));
    }

    [Fact]
    public void All_AlphaSchema_LacksWhatIsBetaOnly()
    {
        var versions = JsonNode.Parse(Crds.All[0].Json)!["spec"]!["versions"]!;

        Assert.Null(
            versions[0]!["schema"]!["openAPIV3Schema"]!["properties"]!["resource"]!["properties"]!["partition"]);
        Assert.NotNull(
            versions[1]!["schema"]!["openAPIV3Schema"]!["properties"]!["resource"]!["properties"]!["partition"]);
        Assert.Equal(
            "Standard_NC24ads_A100_v4",
            $"{versions[0]!["schema"]!["openAPIV3Schema"]!["properties"]!["resource"]!["properties"]!["instanceType"]!["default"]}");
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
