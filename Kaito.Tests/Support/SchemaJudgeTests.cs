using System.Text.Json.Nodes;

namespace Kaito.Tests.Support;

/// <summary>The judge of the corpus: it accepts and refuses as the specification says.</summary>
public sealed class SchemaJudgeTests
{
    [Theory]
    [InlineData("""{"type":"integer"}""", "1.0", "1.5")]
    [InlineData("""{"type":["string","null"]}""", "null", "1")]
    [InlineData("""{"enum":["a",1,{"b":[2]}]}""", """{"b":[2]}""", "\"b\"")]
    [InlineData("""{"const":{"a":null}}""", """{"a":null}""", "{}")]
    [InlineData("""{"minimum":1,"exclusiveMaximum":2}""", "1.9", "2")]
    [InlineData("""{"exclusiveMinimum":1,"maximum":2}""", "2", "1")]
    [InlineData("""{"multipleOf":0.5}""", "2.5", "2.4")]
    [InlineData("""{"minLength":2,"maxLength":3}""", "\"😀ab\"", "\"a\"")]
    [InlineData("""{"pattern":"^a+$"}""", "\"aa\"", "\"ab\"")]
    [InlineData("""{"format":"date"}""", "\"2024-02-29\"", "\"2023-02-29\"")]
    [InlineData("""{"format":"time"}""", "\"23:59:60Z\"", "\"24:00:00Z\"")]
    [InlineData("""{"format":"date-time"}""", "\"2024-01-01T00:00:00+01:00\"", "\"2024-01-01\"")]
    [InlineData("""{"format":"uuid"}""", "\"00000000-0000-0000-0000-000000000000\"", "\"0000\"")]
    [InlineData("""{"format":"ipv4"}""", "\"1.2.3.4\"", "\"1.2.3\"")]
    [InlineData("""{"format":"ipv6"}""", "\"::1\"", "\"1.2.3.4\"")]
    [InlineData("""{"format":"email"}""", "\"a@b\"", "\"a\"")]
    [InlineData("""{"format":"hostname"}""", "\"a.b-c\"", "\"-a\"")]
    [InlineData("""{"minItems":1,"maxItems":2,"items":{"type":"null"}}""", "[null]", "[1]")]
    [InlineData("""{"prefixItems":[{"type":"null"}],"items":false}""", "[null]", "[null,1]")]
    [InlineData("""{"required":["a"],"properties":{"a":{"type":"null"}},"additionalProperties":false}""", """{"a":null}""", """{"a":null,"b":1}""")]
    [InlineData("""{"patternProperties":{"^x":{"type":"null"}},"additionalProperties":{"type":"boolean"}}""", """{"xa":null,"b":true}""", """{"xa":true}""")]
    [InlineData("""{"anyOf":[{"type":"null"},{"type":"boolean"}]}""", "true", "1")]
    [InlineData("""{"oneOf":[{"minimum":1},{"maximum":2}]}""", "0", "1.5")]
    [InlineData("""{"allOf":[{"minimum":1},{"maximum":2}]}""", "1", "3")]
    [InlineData("""{"$defs":{"n":{"type":"null"}},"items":{"$ref":"#/$defs/n"}}""", "[null]", "[1]")]
    [InlineData("""{"properties":{"next":{"$ref":"#"}},"additionalProperties":false}""", """{"next":{}}""", """{"next":{"x":1}}""")]
    public void Problem_OfAnInstance_IsThereWhenItBreaksTheSchema(string schema, string good, string bad)
    {
        var rules = JsonNode.Parse(schema)!;

        Assert.Null(SchemaJudge.Problem(rules, good));
        Assert.NotNull(SchemaJudge.Problem(rules, bad));
    }
}
