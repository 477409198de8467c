using System.Text.Json.Nodes;
using Kaito.DevCluster.Schemas;

namespace Kaito.Tests.DevCluster.Schemas;

public sealed class SchemaCheckTests
{
    /// <summary>The schema of member v, its value, and what the one cause says; empty where nothing is wrong.</summary>
    public static TheoryData<string, string, string> Rows => new()
    {
        { """{"type":"string"}""", "\"a\"", "" },
        { """{"type":"string"}""", "5", "must be of type string: \"integer\"" },
        { """{"type":"integer"}""", "1.5", "must be of type integer: \"number\"" },
        { """{"type":"integer"}""", "2.0", "" },
        { """{"type":"number"}""", "2", "" },
        { """{"type":"boolean"}""", "\"true\"", "must be of type boolean: \"string\"" },
        { """{"type":"object"}""", "[]", "must be of type object: \"array\"" },
        { """{"type":"string"}""", "null", "must be of type string: \"null\"" },
        { """{"type":"string","nullable":true}""", "null", "" },
        { """{"x-kubernetes-int-or-string":true}""", "\"50%\"", "" },
        { """{"x-kubernetes-int-or-string":true}""", "true", "must be of type integer or string" },
        { """{"type":"string","enum":["a","b"]}""", "\"c\"", "supported values: \"a\", \"b\"" },
        { """{"type":"string","pattern":"^a+$"}""", "\"aa\"", "" },
        { """{"type":"string","pattern":"^a+$"}""", "\"ab\"", "should match '^a+$'" },
        { """{"type":"string","minLength":2}""", "\"a\"", "at least 2 characters" },
        { """{"type":"string","maxLength":2}""", "\"abc\"", "at most 2 characters" },
        { """{"type":"integer","minimum":1}""", "0", "greater than or equal to 1" },
        { """{"type":"integer","minimum":1,"exclusiveMinimum":true}""", "1", "greater than or equal to 1" },
        { """{"type":"integer","maximum":9}""", "10", "less than or equal to 9" },
        { """{"type":"integer","multipleOf":5}""", "7", "multiple of 5" },
        { """{"type":"array","maxItems":1,"items":{"type":"string"}}""", "[\"a\",\"b\"]", "at most 1 items" },
        { """{"type":"array","items":{"type":"string"}}""", "[\"a\",5]", "must be of type string" },
        { """{"type":"array","x-kubernetes-list-type":"set"}""", "[1,2,1]", "Duplicate value: 1" },
        {
            """{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["k"]}""",
            """[{"k":"a"},{"k":"a"}]""", "Duplicate value: \"a\""
        },
        { """{"type":"object","required":["a"]}""", "{}", "Required value" },
        { """{"type":"object","additionalProperties":{"type":"integer"}}""", """{"a":"b"}""", "must be of type integer" },
        { """{"type":"object","maxProperties":1}""", """{"a":1,"b":2}""", "at most 1 properties" },
        { """{"anyOf":[{"type":"integer"},{"type":"string"}]}""", "[]", "anyOf" },
        { """{"oneOf":[{"type":"integer"},{"minimum":0}]}""", "5", "oneOf" },
        { """{"not":{"type":"integer"}}""", "5", "not validate" },
        { """{"allOf":[{"minimum":3}]}""", "2", "greater than or equal to 3" },
    };

    [Theory]
    [MemberData(nameof(Rows))]
    public void Check_OneMember_SaysWhatIsWrongWithIt(string schema, string value, string says)
    {
        var root = Parse("""{"type":"object","properties":{"v":SCHEMA}}""".Replace("SCHEMA", schema, StringComparison.Ordinal));

        var causes = SchemaCheck.Check(root, Parse("""{"v":VALUE}""".Replace("VALUE", value, StringComparison.Ordinal)));

        if (says.Length == 0)
        {
            Assert.Empty(causes);
            return;
        }

        var cause = Assert.Single(causes);
        Assert.StartsWith("v", cause.Field, StringComparison.Ordinal);
        Assert.Contains(says, cause.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_BuiltinKind_KnowsMembersAtEveryDepth()
    {
        var pod = BuiltinSchemas.Of(BuiltinTypes.All.Single(static type => type.Kind == "Pod"))!;

        var value = Parse("""
            {"spec":{"containers":[{"name":"c","image":"i","ports":[{"containerPort":"http"}],"volumeMount":[]}],
             "volumes":[{"name":"v","projected":{"sources":[{"configMap":{"name":5}}]}}]}}
            """);

        Assert.Equal(
            ["spec.containers[0].ports[0].containerPort", "spec.volumes[0].projected.sources[0].configMap.name"],
            SchemaCheck.Check(pod, value).Select(static cause => cause.Field));
        Assert.Equal(["spec.containers[0].volumeMount"], SchemaShape.Prune(pod, value));
    }

    [Fact]
    public void Of_EveryBuiltinKind_IsDescribed()
    {
        var open = BuiltinTypes.All.Where(static type => BuiltinSchemas.Of(type) is null).Select(static type => type.Kind);

        Assert.Empty(open);
    }

    private static JsonObject Parse(string json) => (JsonObject)JsonNode.Parse(json)!;
}
