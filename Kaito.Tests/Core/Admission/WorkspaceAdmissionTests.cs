using System.Text.Json;
using Kaito.Core.Admission;
using Kaito.Core.Api;
using Kaito.Core.Catalog;
using Kaito.Core.Hardware;

namespace Kaito.Tests.Core.Admission;

/// <summary>The behaviours of upstream's Workspace admission, one row each.</summary>
public sealed class WorkspaceAdmissionTests
{
    private const string Inference = """
        {"metadata":{"name":"ws","annotations":{} },
         "resource":{"count":1,"instanceType":"Standard_NC24ads_A100_v4","labelSelector":{"matchLabels":{"apps":"phi"}}},
         "inference":{"preset":{"name":"phi-3.5-mini-instruct"}}}
        """;

    private const string Tuning = """
        {"metadata":{"name":"ws"},
         "resource":{"count":1,"instanceType":"Standard_NC24ads_A100_v4","labelSelector":{"matchLabels":{"apps":"phi"}}},
         "tuning":{"preset":{"name":"phi-3.5-mini-instruct"},"method":"qlora",
          "input":{"name":"set","urls":["https://example.com/data.json"]},
          "output":{"image":"registry.example.com/team/adapter:1","imagePushSecret":"push"}}}
        """;

    private const string Pod = """{"spec":{"containers":[{"name":"c","image":"i"}]}}""";

    private static readonly AdmissionRules s_rules = new(new(ModelCatalog.Default, SkuCatalog.Azure));

    [Theory]
    [InlineData("valid preset", "", "")]
    [InlineData("known SKU in any case", "resource.instanceType=\"STANDARD_nc24ADS_a100_V4\"", "")]
    [InlineData("unknown SKU", "resource.instanceType=\"Standard_X\"", "resource.instanceType unknown-instance-type")]
    [InlineData("instance type missing", "resource.instanceType=", "resource.instanceType required")]
    [InlineData("template only", "inference={\"template\":" + Pod + "}", "")]
    [InlineData("template on an unknown Standard_N", "resource.instanceType=\"Standard_NX\" | inference={\"template\":" + Pod + "}", "")]
    [InlineData("template on an unknown Standard_D", "resource.instanceType=\"Standard_DX\" | inference={\"template\":" + Pod + "}", "")]
    [InlineData("model larger than one node, vllm", "inference.preset.name=\"llama-3.3-70b-instruct\" | inference.runtime=\"vllm\"", "")]
    [InlineData(
        "model larger than one node, onnx", "inference.preset.name=\"llama-3.3-70b-instruct\" | inference.runtime=\"onnx\"",
        "resource.instanceType model-too-large")]
    [InlineData(
        "bypass of the memory check",
        "inference.preset.name=\"llama-3.3-70b-instruct\" | inference.runtime=\"onnx\" | "
        + "metadata.annotations.kaito.sh/bypass-resource-checks=\"\"", "")]
    [InlineData("unknown preset", "inference.preset.name=\"phi-99\"", "inference.preset.name unknown-preset")]
    [InlineData("preset of KAITO 0.4", "inference.preset.name=\"phi-2\"", "")]
    [InlineData("selector missing", "resource.labelSelector=", "resource.labelSelector required")]
    [InlineData(
        "selector of reserved labels only", "resource.labelSelector={\"matchLabels\":{\"kaito.sh/workspace\":\"x\"}}",
        "resource.labelSelector.matchLabels only-reserved-labels")]
    [InlineData(
        "selector with another operator", "resource.labelSelector={\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Exists\"}]}",
        "resource.labelSelector.matchExpressions[0] unsupported-expression")]
    [InlineData("partition of provisioned nodes", "resource.partition={\"mode\":\"mig\"}", "resource.partition partition-needs-existing-nodes")]
    [InlineData("neither preset nor template", "inference={}", "inference.preset required")]
    [InlineData("preset and template", "inference.template=" + Pod, "inference preset-and-template")]
    [InlineData("neither inference nor tuning", "inference=", " neither-inference-nor-tuning")]
    [InlineData("name in upper case", "metadata.name=\"Ws\"", "metadata.name invalid-name")]
    [InlineData("name with a leading dash", "metadata.name=\"-ws\"", "metadata.name invalid-name")]
    [InlineData("image family ubuntu", "metadata.annotations.kaito.sh/node-image-family=\" Ubuntu\"", "")]
    [InlineData(
        "image family unknown", "metadata.annotations.kaito.sh/node-image-family=\"bsd\"",
        "metadata.annotations[\"kaito.sh/node-image-family\"] unknown-value")]
    [InlineData("performance mode known", "metadata.annotations.kaito.sh/performance-mode=\"throughput\"", "")]
    [InlineData(
        "performance mode empty", "metadata.annotations.kaito.sh/performance-mode=\"\"",
        "metadata.annotations[\"kaito.sh/performance-mode\"] unknown-value")]
    [InlineData("local weights true", "metadata.annotations.kaito.sh/use-local-weights=\"true\"", "")]
    [InlineData(
        "local weights yes", "metadata.annotations.kaito.sh/use-local-weights=\"yes\"",
        "metadata.annotations[\"kaito.sh/use-local-weights\"] unknown-value")]
    [InlineData(
        "secret of a name that no Secret has", "inference.preset.presetOptions={\"modelAccessSecret\":\"$(id)\"}",
        "inference.preset.presetOptions.modelAccessSecret invalid-name")]
    [InlineData(
        "adapter's pull secret of a name that no Secret has",
        "inference.adapters=[{\"source\":{\"name\":\"a\",\"image\":\"a\",\"imagePullSecrets\":[\"ok\",\"A\"]}}]",
        "inference.adapters[0].source.imagePullSecrets[1] invalid-name")]
    [InlineData("gated model without a secret", "inference.preset.name=\"llama-3.1-8b-instruct\"", "")]
    [InlineData(
        "adapter strength on vllm",
        "inference.runtime=\"vllm\" | inference.adapters=[{\"source\":{\"name\":\"a\",\"image\":\"a\"},\"strength\":\"0.5\"}]",
        "inference.adapters[0].strength strength-unsupported")]
    [InlineData(
        "adapter strength on transformers",
        "inference.runtime=\"huggingface\" | inference.adapters=[{\"source\":{\"name\":\"a\",\"image\":\"a\"},\"strength\":\"0.5\"}]", "")]
    [InlineData(
        "secret for a model that needs none", "inference.preset.presetOptions={\"modelAccessSecret\":\"hub\"}", "")]
    [InlineData(
        "adapter of a volume on vllm",
        "inference.runtime=\"vllm\" | inference.adapters=[{\"source\":{\"name\":\"a\",\"volumeSource\":{\"emptyDir\":{}}}}]", "")]
    [InlineData(
        "adapter name of 254 characters",
        "inference.adapters=[{\"source\":{\"name\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        + "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        + "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"image\":\"a\"}}]",
        "inference.adapters[0].source.name invalid-name")]
    public void Workspace_Created_IsJudged(string behaviour, string changes, string expected) =>
        Assert.Equal((behaviour, expected), (behaviour, Judge(null, Edit.Apply(Inference, changes))));

    [Theory]
    [InlineData("lora", "tuning.method=\"lora\"", "")]
    [InlineData("qlora in any case", "tuning.method=\"QLoRA\"", "")]
    [InlineData("unknown method", "tuning.method=\"full\"", "tuning.method unknown-method")]
    [InlineData("one node", "resource.count=1", "")]
    [InlineData("two nodes", "resource.count=2", "resource.count tuning-on-one-node")]
    [InlineData("partition", "resource.partition={\"mode\":\"mig\"}", "resource.partition partition-needs-existing-nodes")]
    [InlineData("input missing", "tuning.input=", "tuning.input required")]
    [InlineData("output missing", "tuning.output=", "tuning.output required")]
    [InlineData("preset missing", "tuning.preset=", "tuning.preset required")]
    [InlineData("preset unknown", "tuning.preset.name=\"phi-99\"", "tuning.preset.name unknown-preset")]
    [InlineData("preset that cannot be tuned", "tuning.preset.name=\"gpt-oss-20b\"", "tuning.preset.name not-tunable")]
    [InlineData("source under a key of another case", "tuning.input={\"URLs\":[\"https://example.com/a\"]}", "tuning.input one-source")]
    [InlineData("two sources", "tuning.input.image=\"data\"", "tuning.input one-source")]
    [InlineData("no source", "tuning.input={\"name\":\"set\"}", "tuning.input one-source")]
    [InlineData("source of another scheme", "tuning.input.urls=[\"ftp://example.com/a\"]", "tuning.input.urls[0] invalid-url")]
    [InlineData("source on the metadata host", "tuning.input.urls=[\"http://169.254.169.254/\"]", "tuning.input.urls[0] invalid-url")]
    [InlineData("source image without registry and tag", "tuning.input={\"image\":\"data\"}", "")]
    [InlineData("source image that is none", "tuning.input={\"image\":\"!\"}", "tuning.input.image invalid-image")]
    [InlineData("destination image that is none", "tuning.output.image=\"!\"", "tuning.output.image invalid-image")]
    [InlineData("two destinations", "tuning.output.volumeSource={}", "tuning.output one-destination")]
    [InlineData("config of a name that no ConfigMap has", "tuning.config=\"a b\"", "tuning.config invalid-name")]
    [InlineData(
        "push secret of a name that no Secret has", "tuning.output.imagePushSecret=\"A\"",
        "tuning.output.imagePushSecret invalid-name")]
    [InlineData("destination without a secret", "tuning.output.imagePushSecret=", "tuning.output.imagePushSecret required")]
    [InlineData(
        "everything at once", "resource.count=2 | tuning.method=\"x\" | tuning.input= | tuning.output= | tuning.preset=",
        "resource.count tuning-on-one-node, tuning.method unknown-method, tuning.input required, tuning.output required, "
        + "tuning.preset required")]
    public void Workspace_CreatedToTune_IsJudged(string behaviour, string changes, string expected) =>
        Assert.Equal((behaviour, expected), (behaviour, Judge(null, Edit.Apply(Tuning, changes))));

    [Theory]
    [InlineData("nothing changes", "", "", "")]
    [InlineData("count changes", "", "resource.count=2", "resource.count immutable")]
    [InlineData("count is left out", "", "resource.count=", "")]
    [InlineData("selector changes", "", "resource.labelSelector.matchLabels.apps=\"b\"", "resource.labelSelector immutable")]
    [InlineData(
        "selector is written in another way", "",
        "resource.labelSelector={\"matchExpressions\":[{\"key\":\"apps\",\"operator\":\"In\",\"values\":[\"phi\"]}]}", "")]
    [InlineData("instance type changes", "", "resource.instanceType=\"Standard_NC48ads_A100_v4\"", "resource.instanceType immutable")]
    [InlineData("instance type in another case", "", "resource.instanceType=\"standard_nc24ads_a100_v4\"", "")]
    [InlineData("instance type is cleared", "", "resource.instanceType=\"\"", "resource.instanceType required")]
    [InlineData("instance type is set for the first time", "resource.instanceType=", "", "")]
    [InlineData("instance type stays empty", "resource.instanceType=", "resource.instanceType=", "")]
    [InlineData(
        "partition appears", "", "resource.partition={\"mode\":\"mig\"}", "resource.partition immutable")]
    [InlineData("preset changes", "", "inference.preset.name=\"phi-4\"", "inference.preset immutable")]
    [InlineData("preset's options change", "", "inference.preset.presetOptions={\"modelAccessSecret\":\"s\"}", "inference.preset immutable")]
    [InlineData("preset's default appears", "", "inference.preset.accessMode=\"public\" | inference.preset.presetOptions={}", "")]
    [InlineData("template instead of a preset", "", "inference={\"template\":" + Pod + "}", "inference.preset immutable, inference.template immutable")]
    [InlineData("template's content changes", "inference={\"template\":" + Pod + "}",
        "inference={\"template\":{\"spec\":{\"containers\":[{\"name\":\"d\",\"image\":\"j\"}]}}}", "")]
    [InlineData("inference is removed", "", "inference=", "inference immutable,  neither-inference-nor-tuning")]
    [InlineData("config changes", "", "inference.config=\"mine\"", "")]
    [InlineData("adapter without a source appears", "", "inference.adapters=[{}]", "inference.adapters[0].source required")]
    [InlineData("adapter without a source stays", "inference.adapters=[{}]", "inference.adapters=[{}]", "")]
    [InlineData("unknown preset stays", "inference.preset.name=\"phi-1\"", "inference.preset.name=\"phi-1\"", "")]
    [InlineData(
        "a wrong annotation becomes another", "metadata.annotations.kaito.sh/performance-mode=\"a\"",
        "metadata.annotations.kaito.sh/performance-mode=\"b\"",
        "metadata.annotations[\"kaito.sh/performance-mode\"] unknown-value")]
    [InlineData(
        "a wrong annotation stays", "metadata.annotations.kaito.sh/performance-mode=\"a\"",
        "metadata.annotations.kaito.sh/performance-mode=\"a\" | inference.config=\"mine\"", "")]
    [InlineData(
        "a finalizer goes while the object is deleted", "metadata.finalizers=[\"workspace.finalizer.kaito.sh\"]",
        "metadata.deletionTimestamp=\"2026-01-01T00:00:00Z\" | resource=", "")]
    public void Workspace_Updated_IsJudgedByWhatChanges(string behaviour, string before, string after, string expected) =>
        Assert.Equal((behaviour, expected), (behaviour, Judge(Edit.Apply(Inference, before), Edit.Apply(Inference, after))));

    [Theory]
    [InlineData("type stays empty", "resource.instanceType=", "resource.instanceType=", "")]
    [InlineData("type of an older version is cleared", "", "resource.instanceType=", "")]
    [InlineData("type of an older version stays", "", "inference.config=\"mine\"", "")]
    [InlineData(
        "type of an older version changes", "", "resource.instanceType=\"Standard_NC48ads_A100_v4\"",
        "resource.instanceType immutable")]
    [InlineData(
        "type appears", "resource.instanceType=", "", "resource.instanceType not-with-existing-nodes")]
    public void Workspace_UpdatedWhereNodesAreFound_IsJudgedByWhatChanges(
        string behaviour, string before, string after, string expected)
    {
        var rules = new AdmissionRules(new(ModelCatalog.Default, new NodeSource.Existing()));

        var verdict = rules.Workspace(Read(Edit.Apply(Inference, before)), Read(Edit.Apply(Inference, after)));

        Assert.Equal((behaviour, expected), (behaviour, Show(verdict)));
    }

    [Theory]
    [InlineData("nothing changes", "", "")]
    [InlineData("tuning becomes inference", "tuning= | inference={\"preset\":{\"name\":\"phi-4\"}}", "inference immutable, tuning immutable")]
    [InlineData("preset changes", "tuning.preset.name=\"phi-4\"", "tuning.preset immutable")]
    [InlineData("method changes", "tuning.method=\"lora\"", "tuning.method immutable")]
    [InlineData("method in another case", "tuning.method=\"QLORA\"", "")]
    [InlineData("input's name changes", "tuning.input.name=\"other\"", "tuning.input.name immutable")]
    [InlineData("input's addresses change", "tuning.input.urls=[\"https://example.com/other\"]", "")]
    [InlineData("output changes", "tuning.output.image=\"registry.example.com/team/adapter:2\"", "")]
    [InlineData("config changes", "tuning.config=\"mine\"", "")]
    public void Workspace_UpdatedThatTunes_IsJudgedByWhatChanges(string behaviour, string after, string expected) =>
        Assert.Equal((behaviour, expected), (behaviour, Judge(Tuning, Edit.Apply(Tuning, after))));

    [Fact]
    public void Workspace_WithFieldsOfNoEffect_IsLetThroughWithWarnings()
    {
        var verdict = s_rules.Workspace(null, Read(Edit.Apply(Inference, "inference.preset.accessMode=\"private\"")));

        Assert.True(verdict.Allowed);
        Assert.StartsWith("inference.preset.accessMode: ", Assert.Single(verdict.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Workspace_UpdatedThatWasWrong_IsLetThroughAndToldSo()
    {
        var wrong = Read(Edit.Apply(Inference, "inference.preset.name=\"phi-1\""));

        var verdict = s_rules.Workspace(wrong, wrong with { Inference = wrong.Inference! with { Config = "mine" } });

        Assert.True(verdict.Allowed);
        Assert.StartsWith(
            "still wrong: inference.preset.name: \"phi-1\"", Assert.Single(verdict.Warnings), StringComparison.Ordinal);
    }

    private static string Judge(string? before, string after)
    {
        return Show(s_rules.Workspace(before is null ? null : Read(before), Read(after)));
    }

    private static string Show(Verdict verdict) => string.Join(", ", verdict.Errors.Select(static e => $"{e.Path} {e.Code}"));

    private static WorkspaceResource Read(string json) =>
        JsonSerializer.Deserialize(json, WorkspaceJson.Default.WorkspaceResource)!;
}
