using System.Text.Json.Nodes;
using Kaito.DevCluster.Apply;
using Kaito.DevCluster.Storage;

namespace Kaito.Tests.DevCluster.Apply;

public sealed class JsonPatchesTests
{
    [Theory]
    [InlineData("""{"a":1}""", """[{"op":"add","path":"/b","value":2}]""", """{"a":1,"b":2}""")]
    [InlineData("""{"a":[1,3]}""", """[{"op":"add","path":"/a/1","value":2}]""", """{"a":[1,2,3]}""")]
    [InlineData("""{"a":[1]}""", """[{"op":"add","path":"/a/-","value":2}]""", """{"a":[1,2]}""")]
    [InlineData("""{"a":[1,2]}""", """[{"op":"replace","path":"/a/0","value":9}]""", """{"a":[9,2]}""")]
    [InlineData("""{"a":1,"b":2}""", """[{"op":"remove","path":"/a"}]""", """{"b":2}""")]
    [InlineData("""{"a":[1,2]}""", """[{"op":"remove","path":"/a/0"}]""", """{"a":[2]}""")]
    [InlineData("""{"a":{"x":1}}""", """[{"op":"copy","from":"/a","path":"/b"}]""", """{"a":{"x":1},"b":{"x":1}}""")]
    [InlineData("""{"a":[1,2,3]}""", """[{"op":"move","from":"/a/0","path":"/a/2"}]""", """{"a":[2,3,1]}""")]
    [InlineData("""{"a":1}""", """[{"op":"test","path":"/a","value":1}]""", """{"a":1}""")]
    [InlineData("""{"x/y":1,"m~n":2}""", """[{"op":"remove","path":"/x~1y"},{"op":"remove","path":"/m~0n"}]""", "{}")]
    [InlineData("""{"a":1}""", """[{"op":"replace","path":"","value":{"b":2}}]""", """{"b":2}""")]
    public void Apply_Operations_GiveTheResult(string target, string operations, string expected)
    {
        var result = JsonPatches.Apply(Parse(target), (JsonArray)JsonNode.Parse(operations)!);

        Assert.Equal(expected, result.ToJsonString());
    }

    [Theory]
    [InlineData("""[{"op":"test","path":"/a","value":2}]""", "the value differs")]
    [InlineData("""[{"op":"replace","path":"/b","value":2}]""", "does not exist")]
    [InlineData("""[{"op":"add","path":"/l/9","value":2}]""", "does not exist")]
    [InlineData("""[{"op":"add","path":"/a/b/c","value":2}]""", "does not exist")]
    [InlineData("""[{"op":"move","path":"/b"}]""", "no from")]
    [InlineData("""[{"op":"add","value":2}]""", "no path")]
    public void Apply_OperationThatFails_IsNamed(string operations, string says)
    {
        var refused = Assert.Throws<ApiStatusException>(() =>
            JsonPatches.Apply(Parse("""{"a":1,"l":[]}"""), (JsonArray)JsonNode.Parse(operations)!));

        Assert.Equal(422, refused.Status.Code);
        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"a":"b"}""", """{"a":null,"c":1}""", """{"c":1}""")]
    [InlineData("""{"a":["b"]}""", """{"a":"c"}""", """{"a":"c"}""")]
    [InlineData("""{"a":{"b":1,"c":2}}""", """{"a":{"b":null,"d":{"e":null}}}""", """{"a":{"c":2,"d":{}}}""")]
    [InlineData("""{"a":"text"}""", """{"a":{"b":1}}""", """{"a":{"b":1}}""")]
    public void Merge_Patch_GivesTheResult(string target, string patch, string expected) =>
        Assert.Equal(expected, JsonPatches.Merge(Parse(target), Parse(patch)).ToJsonString());

    private static JsonObject Parse(string json) => (JsonObject)JsonNode.Parse(json)!;
}
