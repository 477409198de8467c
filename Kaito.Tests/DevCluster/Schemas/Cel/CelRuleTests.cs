using System.Text.Json.Nodes;
using Kaito.DevCluster.Schemas.Cel;

namespace Kaito.Tests.DevCluster.Schemas.Cel;

public sealed class CelRuleTests
{
    [Theory]
    [InlineData("self.n == 3", true)]
    [InlineData("self.n != 3", false)]
    [InlineData("self.n < 4 && self.n >= 3", true)]
    [InlineData("self.n + 1 == 4", true)]
    [InlineData("self.text == 'a\\'b'", true)]
    [InlineData("self.text.startsWith('a') && !self.text.endsWith(\"a\")", true)]
    [InlineData("'ABC'.lowerAscii() == 'abc'", true)]
    [InlineData("self.text.matches('^a.b$')", true)]
    [InlineData("has(self.n) && !has(self.missing)", true)]
    [InlineData("has(self.missing.deeper)", false)]
    [InlineData("size(self.list) == 2 && self.list.size() == 2", true)]
    [InlineData("self.list.exists(item, item.kind == 'b')", true)]
    [InlineData("self.list.all(item, item.kind == 'b')", false)]
    [InlineData("'kind' in self.list[0]", true)]
    [InlineData("has(self.missing) ? self.missing : self.flag", true)]
    [InlineData("self.missing == 1 || self.flag", true)]
    [InlineData("self.missing == 1 && self.flag", false)]
    [InlineData("(self.n == 1 || self.n == 3) && self.flag == true", true)]
    [InlineData("self.map == oldSelf.map", true)]
    [InlineData("self.n == oldSelf.n", false)]
    public void Holds_Expression_IsComputed(string expression, bool holds)
    {
        var self = JsonNode.Parse("""{"n":3,"text":"a'b","flag":true,"list":[{"kind":"a"},{"kind":"b"}],"map":{"x":1,"y":[2]}}""")!;
        var old = JsonNode.Parse("""{"n":4,"map":{"y":[2],"x":1}}""");

        Assert.Equal(holds, CelRule.Read(expression)!.Holds(self, old));
    }

    [Theory]
    [InlineData("self.replace('a', 'b') == 'x'")]
    [InlineData("self ==")]
    [InlineData("self == 1 )")]
    [InlineData("self # 1")]
    [InlineData("[1, 2] == self")]
    public void Read_OutsideOfThePart_GivesNothing(string expression) => Assert.Null(CelRule.Read(expression));

    [Theory]
    [InlineData("self == oldSelf", true)]
    [InlineData("self > 0", false)]
    public void NamesOldSelf_Rule_IsATransitionRule(string expression, bool expected) =>
        Assert.Equal(expected, CelRule.Read(expression)!.NamesOldSelf);
}
