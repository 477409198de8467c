using System.Text.Json.Nodes;
using Kaito.DevCluster.Apply;
using Kaito.DevCluster.Schemas;

namespace Kaito.Tests.DevCluster.Apply;

public sealed class StrategicMergeTests
{
    private const string Containers = """{"spec":{"containers":[{"name":"a","image":"1"},{"name":"b","image":"2"}]}}""";

    /// <summary>target, patch, result; all of a Pod.</summary>
    public static TheoryData<string, string, string> Rows => new()
    {
        {
            Containers, """{"spec":{"containers":[{"name":"b","image":"3"},{"name":"c"}]}}""",
            """{"spec":{"containers":[{"name":"a","image":"1"},{"name":"b","image":"3"},{"name":"c"}]}}"""
        },
        {
            Containers, """{"spec":{"containers":[{"name":"a","$patch":"delete"}]}}""",
            """{"spec":{"containers":[{"name":"b","image":"2"}]}}"""
        },
        {
            Containers, """{"spec":{"containers":[{"$patch":"replace"},{"name":"z"}]}}""",
            """{"spec":{"containers":[{"name":"z"}]}}"""
        },
        {
            Containers,
            """{"spec":{"$setElementOrder/containers":[{"name":"b"},{"name":"a"}],"containers":[{"name":"a","image":"9"}]}}""",
            """{"spec":{"containers":[{"name":"b","image":"2"},{"name":"a","image":"9"}]}}"""
        },
        {
            """{"spec":{"containers":[{"name":"a","ports":[{"containerPort":1,"name":"x"}]}]}}""",
            """{"spec":{"containers":[{"name":"a","ports":[{"containerPort":1,"name":"y"},{"containerPort":2}]}]}}""",
            """{"spec":{"containers":[{"name":"a","ports":[{"containerPort":1,"name":"y"},{"containerPort":2}]}]}}"""
        },
        {
            """{"spec":{"nodeSelector":{"a":"1","b":"2"}}}""", """{"spec":{"nodeSelector":{"a":null,"c":"3"}}}""",
            """{"spec":{"nodeSelector":{"b":"2","c":"3"}}}"""
        },
        {
            """{"spec":{"nodeSelector":{"a":"1"}}}""", """{"spec":{"nodeSelector":{"$patch":"replace","c":"3"}}}""",
            """{"spec":{"nodeSelector":{"c":"3"}}}"""
        },
        {
            """{"spec":{"securityContext":{"runAsUser":1,"fsGroup":2}}}""",
            """{"spec":{"securityContext":{"$retainKeys":["fsGroup"],"fsGroup":3}}}""",
            """{"spec":{"securityContext":{"fsGroup":3}}}"""
        },
        {
            """{"metadata":{"finalizers":["a/b","c/d"]}}""",
            """{"metadata":{"$deleteFromPrimitiveList/finalizers":["a/b"],"finalizers":["e/f"]}}""",
            """{"metadata":{"finalizers":["c/d","e/f"]}}"""
        },
        {
            """{"spec":{"tolerations":[{"key":"a"}]}}""", """{"spec":{"tolerations":[{"key":"b"}]}}""",
            """{"spec":{"tolerations":[{"key":"b"}]}}"""
        },
    };

    [Theory]
    [MemberData(nameof(Rows))]
    public void Apply_Patch_GivesTheResult(string target, string patch, string expected)
    {
        var pod = BuiltinTypes.All.Single(static type => type.Kind == "Pod");

        var result = StrategicMerge.Apply(pod, Parse(target), Parse(patch));

        Assert.True(JsonNode.DeepEquals(Parse(expected), result), result.ToJsonString());
    }

    private static JsonObject Parse(string json) => (JsonObject)JsonNode.Parse(json)!;
}
