using System.Text.Json;
using Kaito.Core.Api;
using Kaito.Core.Hardware;
using Kaito.Core.RagEngines;

namespace Kaito.Tests.Core.RagEngines;

public sealed class RagEngineParserTests
{
    private const string Valid = """
        {"metadata":{"name":"rag"},
         "spec":{"compute":{"instanceType":"Standard_NC24ads_A100_v4","labelSelector":{"matchLabels":{"apps":"rag"}}},
          "storage":{"persistentVolume":{"persistentVolumeClaim":"index"},"vectorDB":{"engine":"Qdrant","url":"http://qdrant:6334"}},
          "embedding":{"local":{"modelID":"BAAI/bge-small-en-v1.5"}},
          "inferenceService":{"url":"http://workspace-phi/v1/chat/completions","contextWindowSize":4096},
          "guardrails":{"enabled":true}}}
        """;

    [Fact]
    public void Parse_Valid_FillsInEveryDefault()
    {
        Assert.True(Parse(Valid).TryGet(out var rag, out _));

        Assert.Equal(new RagVolume("index", "/mnt/data"), rag.Volume);
        Assert.Equal("qdrant", rag.VectorDatabase!.Engine);
        Assert.Equal(new Embedding.Model("BAAI/bge-small-en-v1.5", null), rag.Embedding);
        Assert.Equal(4096, rag.Model!.ContextTokens);
        Assert.Equal("", rag.Guardrails);
        Assert.Equal("Standard_NC24ads_A100_v4", rag.Compute!.Sku!.Name);
    }

    [Fact]
    public void Parse_FlatStorageOfAlpha_IsTheSameVolume()
    {
        var alpha = Change("spec.storage", """{"persistentVolumeClaim":"index","mountPath":"/data"}""")
            .Replace("\"metadata\"", "\"apiVersion\":\"kaito.sh/v1alpha1\",\"metadata\"", StringComparison.Ordinal);

        Assert.True(Parse(alpha).TryGet(out var rag, out _));
        Assert.Equal(new RagVolume("index", "/data"), rag.Volume);
    }

    [Theory]
    [InlineData("spec.compute", "null", "")]
    [InlineData("spec.compute.instanceType", "\"Standard_D8s_v5\"", "")]
    [InlineData("spec.compute.instanceType", "\"m5.large\"", "spec.compute.instanceType unknown-instance-type")]
    [InlineData("spec.storage", "null", "")]
    [InlineData("spec.storage.persistentVolumeClaim", "\"another\"", "spec.storage.persistentVolumeClaim contradiction")]
    [InlineData("spec.storage.persistentVolume.mountPath", "\"relative\"", "spec.storage.persistentVolume.mountPath invalid-path")]
    [InlineData("spec.storage.persistentVolume.mountPath", "\"/mnt/../etc\"", "spec.storage.persistentVolume.mountPath invalid-path")]
    [InlineData("spec.storage.vectorDB.url", "\"qdrant\"", "spec.storage.vectorDB.url invalid-url")]
    [InlineData("spec.embedding", "null", "spec.embedding required")]
    [InlineData("spec.embedding", "{}", "spec.embedding neither-remote-nor-local")]
    [InlineData("spec.embedding.remote", """{"url":"http://e"}""", "spec.embedding remote-and-local")]
    [InlineData("spec.embedding", """{"remote":{"url":"http://e/embed","accessSecret":"s"}}""", "")]
    [InlineData("spec.embedding", """{"remote":{"url":"not a url"}}""", "spec.embedding.remote.url invalid-url")]
    [InlineData("spec.embedding.local.image", "\"r/i:1\"", "spec.embedding.local one-source")]
    [InlineData("spec.embedding.local", "{}", "spec.embedding.local one-source")]
    [InlineData("spec.embedding.local", """{"image":"registry.example.com/models/bge:1"}""", "")]
    [InlineData("spec.embedding.local", """{"image":"bge"}""", "spec.embedding.local.image invalid-image")]
    [InlineData("spec.embedding.local", """{"image":"registry.example.com/models/BGE:1"}""", "spec.embedding.local.image invalid-image")]
    [InlineData("spec.inferenceService", "null", "")]
    [InlineData("spec.inferenceService.contextWindowSize", "0", "spec.inferenceService.contextWindowSize out-of-range")]
    [InlineData("spec.inferenceService.url", "\"::\"", "spec.inferenceService.url invalid-url")]
    [InlineData("metadata.name", "\"Rag\"", "metadata.name invalid-name")]
    [InlineData("spec", "null", "spec required")]
    public void Parse_OneChange_FindsWhatIsWrong(string path, string value, string expected)
    {
        Parse(Change(path, value)).TryGet(out _, out var errors);

        Assert.Equal(expected, string.Join('\n', (errors.IsDefault ? [] : errors).Select(static e => $"{e.Path} {e.Code}")));
    }

    private static string Change(string path, string value) => Edit.Apply(Valid, $"{path}={value}");

    private static Kaito.Core.Validated<Kaito.Core.RagEngines.RagEngine> Parse(string json)
    {
        Assert.True(SkuCatalog.TryForCloud("azure", out var skus));
        return RagEngineParser.Parse(JsonSerializer.Deserialize(json, WorkspaceJson.Default.RagEngineResource)!, skus);
    }
}
