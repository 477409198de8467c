using System.Text.Json;
using Kaito.Core.Api;
using Kaito.Core.Catalog;
using Kaito.Core.Hardware;
using Kaito.Core.InferenceSets;
using Kaito.Core.RagEngines;
using Kaito.Core.Workspaces;

namespace Kaito.Tests.Core.Workspaces;

public sealed class SamplesTests
{
    public static TheoryData<string> Samples() =>
    [
        .. Directory.EnumerateFiles(Repository.Path("samples", "inference"), "*.yaml")
            .Select(static path => Path.GetFileName(path)!).Order(StringComparer.Ordinal),
    ];

    [Theory]
    [MemberData(nameof(Samples))]
    public void Parse_EverySample_IsAcceptedWithoutWarnings(string file)
    {
        var json = Yaml.ToJson(File.ReadAllText(Repository.Path("samples", "inference", file)))!;
        var resource = JsonSerializer.Deserialize(json, WorkspaceJson.Default.WorkspaceResource)!;

        var parsed = WorkspaceParser.Parse(resource, new(ModelCatalog.Default, SkuCatalog.Azure));

        Assert.True(parsed.TryGet(out var workspace, out var errors), string.Join('\n', errors));
        Assert.Empty(workspace.Warnings);
        Assert.Equal(
            Path.GetFileNameWithoutExtension(file), Assert.IsType<InferenceWorkload.Preset>(workspace.Inference).Name);
    }

    [Theory]
    [InlineData("adapters/phi-3.5-mini-adapter.yaml", 1)]
    [InlineData("replicas/phi-3.5-mini-instruct.yaml", 2)]
    [InlineData("template/custom-server.yaml", 1)]
    [InlineData("tuning/phi-3.5-mini-upstream.yaml", 1)]
    [InlineData("tuning/phi-4-mini-qlora.yaml", 1)]
    [InlineData("tuning/phi-4-mini-volumes.yaml", 1)]
    [InlineData("huggingface/falcon-7b-instruct.yaml", 1)]
    [InlineData("v1alpha1/falcon-7b.yaml", 1)]
    [InlineData("v1alpha1/phi-3-mini-adapter.yaml", 1)]
    [InlineData("vllm/llama-3.3-70b-instruct.yaml", 3)]
    [InlineData("vllm/model-id.yaml", 1)]
    public void Parse_SampleOfAnotherKindOfWork_IsAcceptedWithoutWarnings(string file, int nodes)
    {
        var text = File.ReadAllText(Repository.Path("samples", file)).Split("\n---\n");
        var resource = JsonSerializer.Deserialize(Yaml.ToJson(text[0])!, WorkspaceJson.Default.WorkspaceResource)!;

        var parsed = WorkspaceParser.Parse(resource, new(ModelCatalog.Default, SkuCatalog.Azure));

        Assert.True(parsed.TryGet(out var workspace, out var errors), string.Join('\n', errors));
        Assert.Empty(workspace.Warnings);
        Assert.Equal(nodes, workspace.Nodes);
    }

    [Theory]
    [InlineData("phi-3.5-mini.yaml", 2)]
    [InlineData("phi-3.5-mini-autoscaled.yaml", 1)]
    public void Parse_InferenceSetSample_IsAcceptedWithoutWarnings(string file, int replicas)
    {
        var json = Yaml.ToJson(File.ReadAllText(Repository.Path("samples", "inferenceset", file)))!;
        var resource = JsonSerializer.Deserialize(json, WorkspaceJson.Default.InferenceSetResource)!;

        var parsed = InferenceSetParser.Parse(resource, new(ModelCatalog.Default, SkuCatalog.Azure));

        Assert.True(parsed.TryGet(out var set, out var errors), string.Join('\n', errors));
        Assert.Empty(set.Warnings);
        Assert.Equal(replicas, set.Replicas);
    }

    [Theory]
    [InlineData("ragengine/bge-small.yaml")]
    [InlineData("v1alpha1/ragengine.yaml")]
    public void Parse_RagEngineSample_IsAcceptedWithoutWarnings(string file)
    {
        var json = Yaml.ToJson(File.ReadAllText(Repository.Path("samples", file)))!;
        var resource = JsonSerializer.Deserialize(json, WorkspaceJson.Default.RagEngineResource)!;

        Assert.True(RagEngineParser.Parse(resource, SkuCatalog.Azure).TryGet(out var rag, out _));
        Assert.Empty(rag.Warnings);
    }

    [Fact]
    public void Samples_OfTheQuickStart_AreThere() =>
        Assert.Equal(
            ["phi-3-mini-4k-instruct.yaml", "phi-3.5-mini-instruct.yaml"], Samples().Select(static row => row.Data));
}
