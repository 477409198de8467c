using System.Text.Json;
using Kaito.Core.Api;

namespace Kaito.Tests.Core.Api;

public sealed class WorkspaceJsonTests
{
    [Fact]
    public void Deserialize_EmptyObject_TakesTheDefaultsOfTheRecord()
    {
        var workspace = JsonSerializer.Deserialize("{}", WorkspaceJson.Default.WorkspaceResource)!;

        Assert.Equal((WorkspaceResource.V1Beta1, "Workspace"), (workspace.ApiVersion, workspace.Kind));
        Assert.NotNull(workspace.Metadata);
    }

    [Fact]
    public void Serialize_ReadWorkspace_GivesTheSameText()
    {
        var text = string.Concat(
            """{"apiVersion":"kaito.sh/v1beta1","kind":"Workspace","metadata":{"name":"ws","labels":{"a":"b"},"finalizers":["f"]},""",
            """ "resource":{"count":1,"instanceType":"x","labelSelector":{"matchLabels":{"apps":"a"}}},""".Trim(),
            """ "inference":{"preset":{"name":"phi-4"},"template":{"spec":{"x":[1,null]}},"adapters":[{"source":{"name":"n"}}]},""".Trim(),
            """ "status":{"workerNodes":[],"state":"Ready","targetNodeCount":1}}""".Trim());

        var workspace = JsonSerializer.Deserialize(text, WorkspaceJson.Default.WorkspaceResource)!;

        Assert.Equal(text, JsonSerializer.Serialize(workspace, WorkspaceJson.Default.WorkspaceResource));
    }

    [Theory]
    [InlineData("""{"resource":{"count":"one"}}""", "resource.count")]
    [InlineData("""{"inference":{"adapters":{}}}""", "inference.adapters")]
    [InlineData("""{"metadata":null}""", "metadata")]
    public void Deserialize_WrongType_NamesThePath(string json, string path)
    {
        var error = Assert.Throws<JsonException>(() =>
            JsonSerializer.Deserialize(json, WorkspaceJson.Default.WorkspaceResource));

        Assert.Contains(path, error.Path + error.Message, StringComparison.OrdinalIgnoreCase);
    }
}
