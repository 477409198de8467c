using System.Text.Json.Nodes;

namespace Kaito.Tests.AppHost;

public sealed class AppHostTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Manifest_OfTheAppHost_IsTheCommittedOne()
    {
        // Beside the committed file, because the paths inside are relative to it.
        var fresh = Repository.Path($"aspire-manifest.{Environment.ProcessId}.json");
        try
        {
            var (exitCode, _, error) = await BuiltProject.RunAsync(
                "Kaito.AppHost", ["--publisher", "manifest", "--output-path", fresh], Cancelled);

            Assert.True(exitCode == 0, error);
            Assert.Equal(
                await File.ReadAllTextAsync(Repository.Path("aspire-manifest.json"), Cancelled),
                await File.ReadAllTextAsync(fresh, Cancelled));
        }
        finally
        {
            File.Delete(fresh);
        }
    }

    [Fact]
    public async Task Manifest_WithQdrant_HasTheContainerItsKeyAndTheirUse()
    {
        using var folder = new ScratchFolder();
        var (exitCode, _, error) = await BuiltProject.RunAsync(
            "Kaito.AppHost",
            ["--publisher", "manifest", "--output-path", folder.Path("m.json"), "--vector-store", "qdrant"], Cancelled);

        Assert.True(exitCode == 0, error);
        var resources = JsonNode.Parse(await File.ReadAllTextAsync(folder.Path("m.json"), Cancelled))!["resources"]!;
        Assert.Equal(
            ("qdrant", "{vectors.bindings.grpc.url}", "{vectors-Key.value}"),
            ((string?)resources["rag"]!["env"]!["VECTOR_DB_TYPE"], (string?)resources["rag"]!["env"]!["VECTOR_DB_URL"],
                (string?)resources["rag"]!["env"]!["VECTOR_DB_ACCESS_SECRET"]));
        Assert.Equal(
            """
            {"type":"container.v0","connectionString":"Endpoint={vectors.bindings.grpc.url};Key={vectors-Key.value}",
            "image":"docker.io/qdrant/qdrant:v1.18.0",
            "volumes":[{"name":"kaito-vectors","target":"/qdrant/storage","readOnly":false}],
            "env":{"QDRANT__SERVICE__API_KEY":"{vectors-Key.value}","QDRANT__SERVICE__ENABLE_STATIC_CONTENT":"0"},
            "bindings":{"grpc":{"scheme":"http","protocol":"tcp","transport":"http2","targetPort":6334},
            "http":{"scheme":"http","protocol":"tcp","transport":"http","targetPort":6333}}}
            """.ReplaceLineEndings(""),
            resources["vectors"]!.ToJsonString());
        Assert.Equal(
            """
            {"type":"parameter.v0","value":"{vectors-Key.inputs.value}","inputs":{"value":{"type":"string","secret":true,
            "default":{"generate":{"minLength":22,"special":false}}}}}
            """.ReplaceLineEndings(""),
            resources["vectors-Key"]!.ToJsonString());
    }

    [Theory]
    [InlineData("--cluster", "nowhere", "--cluster 'nowhere' is unknown")]
    [InlineData("--vector-store", "milvus", "or the http or https address of a Qdrant server")]
    [InlineData("--publisher", "helm", "'--publisher manifest'")]
    [InlineData("--operation", "walk", "--operation 'walk' is unknown")]
    [InlineData("--Ports:inference", "70000", "Ports:inference is '70000'")]
    public async Task Start_WithAWrongOption_SaysWhatWouldBeRight(string option, string value, string message)
    {
        var (exitCode, _, error) = await BuiltProject.RunAsync("Kaito.AppHost", [option, value], Cancelled);

        Assert.Equal(1, exitCode);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }
}
