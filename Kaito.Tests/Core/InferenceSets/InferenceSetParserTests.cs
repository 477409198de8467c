using System.Text.Json;
using Kaito.Core.Api;
using Kaito.Core.Catalog;
using Kaito.Core.Hardware;
using Kaito.Core.InferenceSets;

namespace Kaito.Tests.Core.InferenceSets;

public sealed class InferenceSetParserTests
{
    private const string Valid = """
        {"metadata":{"name":"phi","namespace":"team","annotations":{"kaito.sh/runtime":"onnx","other":"x"}},
         "spec":{"replicas":3,"labelSelector":{"matchLabels":{"apps":"phi"}},
          "template":{"metadata":{"labels":{"a":"b"},"annotations":{"c":"d"}},
           "resource":{"instanceType":"Standard_NC24ads_A100_v4"},
           "inference":{"preset":{"name":"phi-3.5-mini-instruct"}}}}}
        """;

    [Fact]
    public void Parse_Valid_HasOneWorkspaceToMakeReplicasFrom()
    {
        Assert.True(Parse(Valid).TryGet(out var set, out _));

        Assert.Equal((3, 1, 1, false), (set.Replicas, set.MaxUnavailable, set.NodesPerReplica, set.OnDelete));
        Assert.Equal("b", set.Template.Metadata.Labels!["a"]);
        Assert.Equal("phi", set.Template.Metadata.Labels["inferenceset.kaito.sh/created-by"]);
        Assert.Equal(["c", "kaito.sh/runtime"], set.Template.Metadata.Annotations!.Keys);
        Assert.Equal("phi", set.Template.Resource!.LabelSelector!.MatchLabels!["apps"]);
        Assert.Equal("phi-3.5-mini-instruct", set.Template.Inference!.Preset!.Name);
    }

    [Theory]
    [InlineData("metadata.name", "\"Phi\"", "metadata.name invalid-name")]
    [InlineData("metadata.name", "\"under_score\"", "metadata.name invalid-name")]
    [InlineData("metadata.name", "\"a-name-that-is-so-long-that-no-workspace-could-be-named-after-it\"", "metadata.name invalid-name")]
    [InlineData("spec.replicas", "-1", "spec.replicas out-of-range")]
    [InlineData("spec.replicas", "0", "")]
    [InlineData("spec.labelSelector", "null", "spec.labelSelector required")]
    [InlineData("spec.template.inference", "null", "spec.template neither-inference-nor-tuning")]
    [InlineData("spec.template.inference.preset.name", "\"phi-99\"", "spec.template.inference.preset.name unknown-preset")]
    [InlineData("spec.template.resource.instanceType", "\"Standard_Bad\"", "spec.template.resource.instanceType unknown-instance-type")]
    [InlineData("spec.autoUpgrade", """{"enabled":true}""", "")]
    [InlineData("spec.autoUpgrade", """{"maintenanceWindow":{"schedule":"0 2 * * 6"}}""", "")]
    [InlineData("spec.autoUpgrade", """{"maintenanceWindow":{"schedule":"@daily","duration":"1h30m"}}""", "")]
    [InlineData("spec.autoUpgrade", """{"maintenanceWindow":{"schedule":""}}""", "spec.autoUpgrade.maintenanceWindow.schedule required")]
    [InlineData("spec.autoUpgrade", """{"maintenanceWindow":{"schedule":"x"}}""", "spec.autoUpgrade.maintenanceWindow.schedule invalid-cron")]
    [InlineData("spec.autoUpgrade", """{"maintenanceWindow":{"schedule":"@daily","duration":"0s"}}""", "spec.autoUpgrade.maintenanceWindow.duration invalid-duration")]
    [InlineData("spec.autoUpgrade", """{"maintenanceWindow":{"schedule":"@daily","duration":"-1h"}}""", "spec.autoUpgrade.maintenanceWindow.duration invalid-duration")]
    [InlineData("spec.autoUpgrade", """{"maintenanceWindow":{"schedule":"@daily","duration":"soon"}}""", "spec.autoUpgrade.maintenanceWindow.duration invalid-duration")]
    [InlineData("spec.autoscaling", """{"maxReplicas":3}""", "")]
    [InlineData("spec.autoscaling", """{"minReplicas":0,"maxReplicas":1,"targetRequests":4,"targetTokensPerSecond":500,"scaleDownDelay":"90s"}""", "")]
    [InlineData("spec.autoscaling", "{}", "spec.autoscaling.maxReplicas required")]
    [InlineData("spec.autoscaling", """{"minReplicas":4,"maxReplicas":3}""", "spec.autoscaling.minReplicas out-of-range")]
    [InlineData("spec.autoscaling", """{"minReplicas":-1,"maxReplicas":3}""", "spec.autoscaling.minReplicas out-of-range")]
    [InlineData("spec.autoscaling", """{"minReplicas":0,"maxReplicas":0}""", "spec.autoscaling.maxReplicas out-of-range")]
    [InlineData("spec.autoscaling", """{"maxReplicas":3,"targetRequests":0}""", "spec.autoscaling.targetRequests out-of-range")]
    [InlineData("spec.autoscaling", """{"maxReplicas":3,"targetTokensPerSecond":-5}""", "spec.autoscaling.targetTokensPerSecond out-of-range")]
    [InlineData("spec.autoscaling", """{"maxReplicas":3,"scaleDownDelay":"soon"}""", "spec.autoscaling.scaleDownDelay invalid-duration")]
    [InlineData("spec.autoscaling", """{"maxReplicas":3,"scaleDownDelay":"25h"}""", "spec.autoscaling.scaleDownDelay invalid-duration")]
    [InlineData("spec.updateStrategy", """{"type":"Canary"}""", "spec.updateStrategy.type unknown-value")]
    [InlineData("spec.updateStrategy", """{"rollingUpdate":{"maxUnavailable":"x"}}""", "spec.updateStrategy.rollingUpdate.maxUnavailable out-of-range")]
    public void Parse_OneChange_FindsWhatIsWrong(string path, string value, string expected)
    {
        Parse(Change(path, value)).TryGet(out _, out var errors);

        Assert.Equal(expected, string.Join('\n', (errors.IsDefault ? [] : errors).Select(static e => $"{e.Path} {e.Code}")));
    }

    [Theory]
    [InlineData("null", "")]
    [InlineData("\"\"", "")]
    [InlineData("\"Standard_NC24ads_A100_v4\"", "spec.template.resource.instanceType not-with-existing-nodes")]
    public void Parse_NodesAreFound_InstanceTypeMustBeEmpty(string type, string expected)
    {
        var set = JsonSerializer.Deserialize(
            Change("spec.template.resource.instanceType", type), WorkspaceJson.Default.InferenceSetResource)!;

        InferenceSetParser.Parse(set, new(ModelCatalog.Default, new NodeSource.Existing())).TryGet(out _, out var errors);

        Assert.Equal(expected, string.Join('\n', (errors.IsDefault ? [] : errors).Select(static e => $"{e.Path} {e.Code}")));
    }

    [Fact]
    public void Parse_Autoscaling_CountsRequestsWhenNothingElseIsAskedFor()
    {
        Assert.True(Parse(Change("spec.autoscaling", """{"maxReplicas":3}""")).TryGet(out var requests, out _));
        Assert.True(Parse(Change("spec.autoscaling", """{"maxReplicas":3,"targetTokensPerSecond":9}""")).TryGet(out var tokens, out _));

        Assert.Equal(new Autoscaling(1, 3, 16, null, TimeSpan.FromMinutes(5)), requests.Autoscaling);
        Assert.Equal(new Autoscaling(1, 3, null, 9, TimeSpan.FromMinutes(5)), tokens.Autoscaling);
    }

    [Fact]
    public void Parse_KedaBesides_IsRefusedAndItsNumbersAreChecked()
    {
        var both = Change("metadata.annotations", """{"scaledobject.kaito.sh/auto-provision":"true","scaledobject.kaito.sh/threshold":"ten"}""")
            .Replace("\"replicas\"", "\"autoscaling\":{\"maxReplicas\":3},\"replicas\"", StringComparison.Ordinal);
        Parse(both).TryGet(out _, out var errors);
        Assert.Equal("two-autoscalers", Assert.Single(errors).Code);

        Assert.True(Parse(Change("metadata.annotations", """{"scaledobject.kaito.sh/threshold":"ten"}""")).TryGet(out var keda, out _));
        Assert.Contains(keda.Warnings, static w => w.Contains("KEDA will not use it", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("2", 2)]
    [InlineData("\"50%\"", 1)]
    [InlineData("\"100%\"", 3)]
    [InlineData("0", 1)]
    public void Parse_MaxUnavailable_IsANumberOfReplicas(string value, int expected)
    {
        var changed = Change("spec.updateStrategy", $$"""{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":{{value}} } }""");

        Assert.True(Parse(changed).TryGet(out var set, out _));
        Assert.Equal(expected, set.MaxUnavailable);
    }

    private static string Change(string path, string value) => Edit.Apply(Valid, $"{path}={value}");

    private static Kaito.Core.Validated<InferenceSet> Parse(string json)
    {
        Assert.True(SkuCatalog.TryForCloud("azure", out var skus));
        return InferenceSetParser.Parse(
            JsonSerializer.Deserialize(json, WorkspaceJson.Default.InferenceSetResource)!, new(ModelCatalog.Default, skus));
    }
}
