using Kaito.RagEngine.Store;

namespace Kaito.Tests.RagEngine.Store;

public sealed class WordsTests
{
    [Theory]
    [InlineData("The Cats' policies, buses!", "the cat policy buse")]
    [InlineData("Größe naïve Ærø Šárka", "grosse naive aero sarka")]
    [InlineData("readAllText snake_case_name", "read all text readalltext snake case name")]
    [InlineData("东京塔 is tall", "东 东京 京塔 is tall")]
    [InlineData("Ёлка Ελλάς", "елка ελλασ")]
    [InlineData("KX-4711 v2.5", "kx 4711 v2 5")]
    [InlineData("", "")]
    public void Join_Text_GivesItsWords(string text, string expected) =>
        Assert.Equal(expected, Words.Join(text).TrimEnd());

    [Fact]
    public void Join_EndlessWord_IsCut() =>
        Assert.All(Words.Join(new string('a', 1000)).Split(' '), static word => Assert.InRange(word.Length, 0, 48));
}
