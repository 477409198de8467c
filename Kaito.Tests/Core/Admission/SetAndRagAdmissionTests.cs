using System.Text.Json;
using Kaito.Core.Admission;
using Kaito.Core.Api;
using Kaito.Core.Catalog;
using Kaito.Core.Hardware;

namespace Kaito.Tests.Core.Admission;

/// <summary>The behaviours of upstream's InferenceSet and RAGEngine admission on updates, one row each.</summary>
public sealed class SetAndRagAdmissionTests
{
    private const string Set = """
        {"metadata":{"name":"fleet"},
         "spec":{"replicas":1,"labelSelector":{"matchLabels":{"apps":"phi"}},
          "template":{"resource":{"instanceType":"Standard_NC24ads_A100_v4"},
           "inference":{"preset":{"name":"phi-3.5-mini-instruct"}}}}}
        """;

    private const string Rag = """
        {"metadata":{"name":"rag"},
         "spec":{"compute":{"instanceType":"Standard_NC24ads_A100_v4","labelSelector":{"matchLabels":{"apps":"rag"}}},
          "embedding":{"local":{"modelID":"BAAI/bge-small-en-v1.5"}}}}
        """;

    private static readonly AdmissionRules s_rules = new(new(ModelCatalog.Default, SkuCatalog.Azure));

    [Theory]
    [InlineData("nothing changes", "", "", "")]
    [InlineData("replicas become 0", "", "spec.replicas=0", "")]
    [InlineData("replicas become negative", "", "spec.replicas=-1", "spec.replicas out-of-range")]
    [InlineData("preset changes", "", "spec.template.inference.preset.name=\"phi-4\"", "")]
    [InlineData("preset becomes unknown", "", "spec.template.inference.preset.name=\"x\"", "spec.template.inference.preset.name unknown-preset")]
    [InlineData("instance type changes", "", "spec.template.resource.instanceType=\"Standard_NC48ads_A100_v4\"", "")]
    [InlineData("instance type is cleared", "", "spec.template.resource.instanceType=", "spec.template.resource.instanceType required")]
    [InlineData("selector changes", "", "spec.labelSelector.matchLabels.apps=\"b\"", "")]
    [InlineData(
        "partition appears", "", "spec.template.resource.partition={\"mode\":\"mig\"}",
        "spec.template.resource.partition immutable")]
    [InlineData(
        "partition's mode changes", "spec.template.resource.partition={\"mode\":\"mig\"}",
        "spec.template.resource.partition={\"mode\":\"accelerator\"}", "spec.template.resource.partition immutable")]
    [InlineData(
        "maintenance window becomes wrong", "", "spec.autoUpgrade={\"maintenanceWindow\":{\"schedule\":\"x\"}}",
        "spec.autoUpgrade.maintenanceWindow.schedule invalid-cron")]
    [InlineData("what was wrong stays", "spec.replicas=-1", "spec.replicas=-1 | spec.nodeCountLimit=3", "")]
    [InlineData("deleted", "", "metadata.deletionTimestamp=\"2026-01-01T00:00:00Z\" | spec=", "")]
    public void InferenceSet_Updated_IsJudgedByWhatChanges(string behaviour, string before, string after, string expected)
    {
        var verdict = s_rules.InferenceSet(ReadSet(Edit.Apply(Set, before)), ReadSet(Edit.Apply(Set, after)));

        Assert.Equal((behaviour, expected), (behaviour, Show(verdict)));
    }

    [Theory]
    [InlineData("nothing changes", "", "", "")]
    [InlineData("compute appears", "spec.compute=", "", "spec.compute immutable")]
    [InlineData("compute goes", "", "spec.compute=", "spec.compute immutable")]
    [InlineData("instance type changes", "", "spec.compute.instanceType=\"Standard_NC48ads_A100_v4\"", "spec.compute.instanceType immutable")]
    [InlineData("selector changes", "", "spec.compute.labelSelector.matchLabels.apps=\"b\"", "spec.compute.labelSelector immutable")]
    [InlineData("count changes", "spec.compute.count=1", "spec.compute.count=2", "spec.compute.count immutable")]
    [InlineData("embedding changes", "", "spec.embedding={\"remote\":{\"url\":\"http://e/embed\"}}", "")]
    [InlineData("a secret's name becomes wrong", "", "spec.embedding.local.modelAccessSecret=\"A\"", "spec.embedding.local.modelAccessSecret invalid-name")]
    [InlineData("a claim's name becomes wrong", "", "spec.storage={\"persistentVolume\":{\"persistentVolumeClaim\":\"A\"}}", "spec.storage.persistentVolume.persistentVolumeClaim invalid-name")]
    [InlineData("a ConfigMap's name becomes wrong", "", "spec.guardrails={\"configMapRef\":{\"name\":\"A\"}}", "spec.guardrails.configMapRef.name invalid-name")]
    [InlineData("embedding goes", "", "spec.embedding=", "spec.embedding required")]
    [InlineData("what was wrong stays", "spec.embedding={}", "spec.embedding={} | spec.guardrails={\"enabled\":true}", "")]
    [InlineData("deleted", "", "metadata.deletionTimestamp=\"2026-01-01T00:00:00Z\" | spec=", "")]
    public void RagEngine_Updated_IsJudgedByWhatChanges(string behaviour, string before, string after, string expected)
    {
        var verdict = s_rules.RagEngine(ReadRag(Edit.Apply(Rag, before)), ReadRag(Edit.Apply(Rag, after)));

        Assert.Equal((behaviour, expected), (behaviour, Show(verdict)));
    }

    [Fact]
    public void Created_EverythingWrong_NamesItAll()
    {
        Assert.Equal(
            "metadata.name invalid-name, spec.replicas out-of-range, spec.template.inference.preset.name unknown-preset",
            Show(s_rules.InferenceSet(null, ReadSet(Edit.Apply(
                Set, "metadata.name=\"A\" | spec.replicas=-1 | spec.template.inference.preset.name=\"x\"")))));
        Assert.Equal(
            "metadata.name invalid-name, spec.compute.instanceType unknown-instance-type, spec.embedding required",
            Show(s_rules.RagEngine(null, ReadRag(Edit.Apply(
                Rag, "metadata.name=\"A\" | spec.compute.instanceType=\"x\" | spec.embedding=")))));
    }

    private static string Show(Verdict verdict) => string.Join(", ", verdict.Errors.Select(static e => $"{e.Path} {e.Code}"));

    private static InferenceSetResource ReadSet(string json) =>
        JsonSerializer.Deserialize(json, WorkspaceJson.Default.InferenceSetResource)!;

    private static RagEngineResource ReadRag(string json) =>
        JsonSerializer.Deserialize(json, WorkspaceJson.Default.RagEngineResource)!;
}
