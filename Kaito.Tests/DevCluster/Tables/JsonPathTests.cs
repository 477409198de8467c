using System.Text.Json.Nodes;
using Kaito.DevCluster.Tables;

namespace Kaito.Tests.DevCluster.Tables;

public sealed class JsonPathTests
{
    private const string Document =
        """{"a":{"b":[{"t":"x","s":"1"},{"t":"y","s":"2"}],"c.d":"e"},"n":5,"z":null}""";

    [Theory]
    [InlineData(".n", "5")]
    [InlineData("$.n", "5")]
    [InlineData(".a.b[0].s", "1")]
    [InlineData(".a.b[-1].s", "2")]
    [InlineData(".a.b[*].s", "1,2")]
    [InlineData(".a.b[?(@.t==\"y\")].s", "2")]
    [InlineData(".a.b[?(@.t=='x')].s", "1")]
    [InlineData(".a.b[?(@.t)].s", "")]
    [InlineData(".a['c.d']", "e")]
    [InlineData(".a.c\\.d", "e")]
    [InlineData(".a.none.deeper", "")]
    [InlineData(".a.b[9].s", "")]
    [InlineData(".a.b[x].s", "")]
    [InlineData(".n[0]", "")]
    [InlineData(".z", "")]
    public void Find_Path_GivesItsValues(string path, string expected)
    {
        var found = JsonPath.Find(JsonNode.Parse(Document)!, path);

        Assert.Equal(expected, string.Join(',', found.Select(static node => node.ToString())));
    }

    [Fact]
    public void Set_MissingObjects_AreMade()
    {
        var root = new JsonObject { ["spec"] = "text" };

        JsonPath.Set(root, ".spec.replicas", 3);

        Assert.Equal("""{"spec":{"replicas":3}}""", root.ToJsonString());
    }
}
