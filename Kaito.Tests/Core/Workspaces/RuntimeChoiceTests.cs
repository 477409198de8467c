using System.Text.Json;
using Kaito.Core.Api;
using Kaito.Core.Catalog;
using Kaito.Core.Hardware;
using Kaito.Core.Workspaces;

namespace Kaito.Tests.Core.Workspaces;

public sealed class RuntimeChoiceTests
{
    [Theory]
    [InlineData("phi-4", "Standard_NC24ads_A100_v4", InferenceRuntime.Onnx, 1)]
    [InlineData("phi-3-mini-4k-instruct", "Standard_NC6s_v3", InferenceRuntime.Onnx, 1)]
    [InlineData("llama-3.3-70b-instruct", "Standard_NC24ads_A100_v4", InferenceRuntime.Vllm, 3)]
    [InlineData("gpt-oss-20b", "Standard_NC24ads_A100_v4", InferenceRuntime.Vllm, 1)]
    [InlineData("Qwen/Qwen3-8B-AWQ", "Standard_NC24ads_A100_v4", InferenceRuntime.Vllm, 1)]
    [InlineData("falcon-7b-instruct", "Standard_NC24ads_A100_v4", InferenceRuntime.Onnx, 1)]
    [InlineData("phi-2", "Standard_NC6s_v3", InferenceRuntime.Onnx, 1)]
    [InlineData("stablelm", "Standard_NC24ads_A100_v4", InferenceRuntime.Onnx, 1)]
    [InlineData("llama-3-70b-instruct", "Standard_NC24ads_A100_v4", InferenceRuntime.Vllm, 3)]
    public void Parse_RuntimeNotNamed_ChoosesByModelAndNode(
        string preset, string sku, InferenceRuntime runtime, int nodes)
    {
        var workspace = WorkspaceParserTests.Accept(Manifest(preset, sku, "", 1));

        var inference = Assert.IsType<InferenceWorkload.Preset>(workspace.Inference);
        Assert.Equal((runtime, nodes), (inference.Runtime, workspace.Nodes));
        Assert.NotEmpty(inference.RuntimeReason);
    }

    [Fact]
    public void Parse_VllmByField_WinsOverAnnotationAndComputesNodes()
    {
        var workspace = WorkspaceParserTests.Accept(
            Manifest("phi-4", "Standard_NV36ads_A10_v5", "\"runtime\":\"vllm\",", 5, "\"kaito.sh/runtime\":\"onnx\""));

        Assert.Equal(2, workspace.Nodes);
        Assert.Equal(InferenceRuntime.Vllm, Assert.IsType<InferenceWorkload.Preset>(workspace.Inference).Runtime);
        Assert.StartsWith("resource.count: 5", Assert.Single(workspace.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_OnnxByAnnotation_KeepsTheCount()
    {
        var workspace = WorkspaceParserTests.Accept(
            Manifest("phi-4", "Standard_NC24ads_A100_v4", "", 2, "\"kaito.sh/runtime\":\"ONNX\""));

        Assert.Equal(2, workspace.Nodes);
    }

    [Fact]
    public void Parse_OnnxWithModelOfSeveralNodes_IsAnErrorUnlessBypassed()
    {
        const string Sku = "Standard_NC24ads_A100_v4";
        var error = Assert.Single(
            WorkspaceParserTests.Refuse(Manifest("llama-3.3-70b-instruct", Sku, "\"runtime\":\"onnx\",", 1)));

        Assert.Equal(("resource.instanceType", "model-too-large"), (error.Path, error.Code));
        Assert.Contains("3 Standard_NC24ads_A100_v4 nodes", error.Message, StringComparison.Ordinal);

        var bypassed = WorkspaceParserTests.Accept(Manifest(
            "llama-3.3-70b-instruct", Sku, "\"runtime\":\"onnx\",", 1, "\"kaito.sh/bypass-resource-checks\":\"\""));
        Assert.Contains(bypassed.Warnings, static w => w.Contains("needs 3", StringComparison.Ordinal));
    }

    [Fact]
    public void Parse_AcceleratorOfAnotherMaker_IsAnError() => Assert.Equal(
        "unsupported-accelerator",
        Assert.Single(
            WorkspaceParserTests.Refuse(Manifest("phi-3-mini-4k-instruct", "Standard_NG32ads_V620_v1", "", 1))).Code);

    [Theory]
    [InlineData("vlm", "Did you mean vllm")]
    [InlineData("tgi", "Use onnx, vllm or huggingface")]
    public void Parse_UnknownRuntime_NamesValueAndRemedy(string runtime, string remedy)
    {
        var error = Assert.Single(WorkspaceParserTests.Refuse(
            Manifest("phi-4", "Standard_NC24ads_A100_v4", $"\"runtime\":\"{runtime}\",", 1)));

        Assert.Equal(("inference.runtime", "unknown-runtime"), (error.Path, error.Code));
        Assert.Contains($"\"{runtime}\"", error.Message, StringComparison.Ordinal);
        Assert.Contains(remedy, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("huggingface", null)]
    [InlineData("transformers", null)]
    [InlineData(null, "transformers")]
    [InlineData(null, "HuggingFace")]
    public void Parse_TransformersByFieldOrAnnotation_KeepsTheCount(string? field, string? annotation)
    {
        var workspace = WorkspaceParserTests.Accept(Manifest(
            "falcon-7b", "Standard_NC24ads_A100_v4", field is null ? "" : $"\"runtime\":\"{field}\",", 2,
            annotation is null ? "" : $"\"kaito.sh/runtime\":\"{annotation}\""));

        var preset = Assert.IsType<InferenceWorkload.Preset>(workspace.Inference);
        Assert.Equal((InferenceRuntime.Transformers, 2), (preset.Runtime, workspace.Nodes));
        Assert.Empty(workspace.Warnings);
    }

    [Theory]
    [InlineData("phi-4-mini-instruct", "Standard_NC24ads_A100_v4", "inference.runtime runtime-unsupported")]
    [InlineData("llama-3.3-70b-instruct", "Standard_NC24ads_A100_v4", "resource.instanceType model-too-large")]
    public void Parse_TransformersThatCannotServe_SaysWhy(string preset, string sku, string error) => Assert.Equal(
        [error],
        WorkspaceParserTests.Refuse(Manifest(preset, sku, "\"runtime\":\"huggingface\",", 1))
            .Select(static e => $"{e.Path} {e.Code}"));

    [Theory]
    [InlineData("gpt-oss-20b", "", "Transformers")]
    [InlineData("gpt-oss-20b", "\"runtime\":\"vllm\",", "Transformers")]
    [InlineData("phi-4", "", "Onnx")]
    [InlineData("Qwen/Qwen3-8B-AWQ", "", null)]
    public void Parse_GateVllmOff_NothingIsServedByVllm(string preset, string runtime, string? served)
    {
        var resource = JsonSerializer.Deserialize(
            Manifest(preset, "Standard_NC24ads_A100_v4", runtime, 1), WorkspaceJson.Default.WorkspaceResource)!;

        var parsed = WorkspaceParser.Parse(resource, new(ModelCatalog.Default, SkuCatalog.Azure) { Vllm = false });

        Assert.Equal(served is not null, parsed.TryGet(out var workspace, out var errors));
        Assert.Equal(served, (workspace?.Inference as InferenceWorkload.Preset)?.Runtime.ToString());
        Assert.All(errors, static e => Assert.Contains("The gate vLLM is off.", e.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void Parse_ModelIdAndDtype_AreTheModelUnderTheUsersName()
    {
        var manifest = Manifest("my-chat", "Standard_NC24ads_A100_v4", "\"runtime\":\"vllm\",", 1).Replace(
            "\"presetOptions\":{", "\"presetOptions\":{\"modelId\":\"microsoft/phi-4\",\"torchDtype\":\"float16\",",
            StringComparison.Ordinal);

        var preset = Assert.IsType<InferenceWorkload.Preset>(WorkspaceParserTests.Accept(manifest).Inference);

        Assert.Equal(("my-chat", "microsoft/phi-4", "float16"), (preset.Name, preset.Model.Repository, preset.Dtype));
        Assert.Equal(
            ["inference.preset.presetOptions.torchDtype unknown-value", "inference.preset.presetOptions.modelId unknown-preset"],
            WorkspaceParserTests.Refuse(manifest.Replace("float16", "int4", StringComparison.Ordinal)
                .Replace("microsoft/phi-4", "nobody/nothing", StringComparison.Ordinal)).Select(static e => $"{e.Path} {e.Code}"));
        Assert.Equal(
            "invalid-name",
            Assert.Single(WorkspaceParserTests.Refuse(manifest.Replace("my-chat", "my chat; rm", StringComparison.Ordinal))).Code);
    }

    [Theory]
    [InlineData("a/b/c")]
    [InlineData("/b")]
    [InlineData("a/")]
    [InlineData("/")]
    [InlineData("owner/mo del")]
    [InlineData("owner/../x")]
    [InlineData("owner/$(reboot)")]
    public void Parse_RepositoryThatIsNone_IsAnError(string name) => Assert.Equal(
        ("inference.preset.name", "invalid-repository"),
        WorkspaceParserTests.Refuse(Manifest(name, "Standard_NC24ads_A100_v4", "", 1))
            .Select(static e => (e.Path, e.Code)).Single());

    private static string Manifest(string preset, string sku, string members, int count, string annotations = "") =>
        $$"""
        {"metadata":{"name":"ws","annotations":{ {{annotations}} } },
         "resource":{"count":{{count}},"instanceType":"{{sku}}","labelSelector":{} },
         "inference":{ {{members}} "preset":{"name":"{{preset}}","presetOptions":{"modelAccessSecret":"s"} } } }
        """;
}
