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
    [InlineData("transformers", "Use onnx or vllm")]
    public void Parse_UnknownRuntime_NamesValueAndRemedy(string runtime, string remedy)
    {
        var error = Assert.Single(WorkspaceParserTests.Refuse(
            Manifest("phi-4", "Standard_NC24ads_A100_v4", $"\"runtime\":\"{runtime}\",", 1)));

        Assert.Equal(("inference.runtime", "unknown-runtime"), (error.Path, error.Code));
        Assert.Contains($"\"{runtime}\"", error.Message, StringComparison.Ordinal);
        Assert.Contains(remedy, error.Message, StringComparison.Ordinal);
    }

    private static string Manifest(string preset, string sku, string members, int count, string annotations = "") =>
        $$"""
        {"metadata":{"name":"ws","annotations":{ {{annotations}} } },
         "resource":{"count":{{count}},"instanceType":"{{sku}}","labelSelector":{} },
         "inference":{ {{members}} "preset":{"name":"{{preset}}","presetOptions":{"modelAccessSecret":"s"} } } }
        """;
}
