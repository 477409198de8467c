using System.Text.Json;
using Kaito.Core.Catalog;
using Kaito.Core.Hardware;
using Kaito.Core.Workspaces;
using Kaito.Operator.Cluster;

namespace Kaito.Tests.Operator.Cluster;

public sealed class ObjectReaderTests
{
    [Theory]
    [InlineData("""{"count":"three"}""", "resource.count", "\"three\" has the wrong type", "workspaces.resource.count")]
    [InlineData("""{"count":4294967296}""", "resource.count", "4294967296 has", "workspaces.resource.count")]
    [InlineData(
        """{"preferredNodes":["a",{}]}""", "resource.preferredNodes[1]", "{} has", "workspaces.resource.preferredNodes")]
    [InlineData("""[1]""", "resource", "[1] has", "kubectl explain workspaces.resource.")]
    public void Read_WorkspaceOfOtherTypes_KeepsTheMetadataAndNamesFieldValueAndRemedy(
        string resource, string path, string value, string remedy)
    {
        var read = ObjectReader.Read(
            Parse($$$"""{"metadata":{"name":"ws","uid":"u"},"resource":{{{resource}}},"status":{"state":"Ready"}}"""),
            KubeKinds.Workspaces);

        Assert.Equal(("ws", "Ready"), (read.Metadata.Name, read.Status?.State));
        Assert.Equal((path, "wrong-type"), (read.Unreadable?.Path, read.Unreadable?.Code));
        Assert.StartsWith(value, read.Unreadable!.Message, StringComparison.Ordinal);
        Assert.Contains(remedy, read.Unreadable.Message, StringComparison.Ordinal);
        Assert.False(WorkspaceParser.Parse(read, new(ModelCatalog.Default, SkuCatalog.Azure)).TryGet(out _, out var errors));
        Assert.Equal([read.Unreadable], errors);
    }

    [Fact]
    public void Read_StatusOfOtherTypesToo_KeepsTheMetadata()
    {
        var read = ObjectReader.Read(
            Parse("""{"metadata":{"name":"ws"},"resource":1,"status":{"conditions":7}}"""), KubeKinds.Workspaces);

        Assert.Equal("ws", read.Metadata.Name);
        Assert.Null(read.Status);
    }

    [Fact]
    public void Read_ServiceOfSomebodyElseWithANamedPort_IsNoFailure()
    {
        var read = ObjectReader.Read(
            Parse("""{"metadata":{"name":"theirs"},"spec":{"ports":[{"port":80,"targetPort":"http"}]}}"""),
            KubeKinds.Services);

        Assert.Equal("theirs", read.Metadata.Name);
        Assert.Null(read.Spec);
    }

    [Fact]
    public void Read_NoObjectAtAll_Throws() =>
        Assert.Throws<JsonException>(() => ObjectReader.Read(Parse("[]"), KubeKinds.Pods));

    private static JsonElement Parse(string json) => JsonDocument.Parse(json).RootElement;
}
