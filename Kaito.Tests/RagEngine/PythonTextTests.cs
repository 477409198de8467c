using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Kaito.RagEngine;

namespace Kaito.Tests.RagEngine;

public sealed class PythonTextTests
{
    [Theory]
    [InlineData(1, "1.0")]
    [InlineData(0, "0.0")]
    [InlineData(-2.5, "-2.5")]
    [InlineData(0.1, "0.1")]
    [InlineData(0.0001, "0.0001")]
    [InlineData(0.00001, "1e-05")]
    [InlineData(1.5e-7, "1.5e-07")]
    [InlineData(1e15, "1000000000000000.0")]
    [InlineData(1e16, "1e+16")]
    [InlineData(1.2345e22, "1.2345e+22")]
    [InlineData(123456.789, "123456.789")]
    public void Float_Number_IsAsPythonPrintsIt(double value, string expected) =>
        Assert.Equal(expected, PythonText.Float(value));

    [Theory]
    [InlineData("""{"type":"text"}""", "{'type': 'text'}")]
    [InlineData("""{"a":1,"b":1.0,"c":true,"d":null,"e":[1,"x"]}""", "{'a': 1, 'b': 1.0, 'c': True, 'd': None, 'e': [1, 'x']}")]
    [InlineData("""{"q":"it's"}""", """{'q': "it's"}""")]
    [InlineData("""{"q":"it's \"so\""}""", """{'q': 'it\'s "so"'}""")]
    [InlineData("""{"n":"a\nb\u0001\u00a0é"}""", """{'n': 'a\nb\x01\xa0é'}""")]
    public void Repr_Json_IsAsPythonPrintsADictionary(string json, string expected)
    {
        using var document = JsonDocument.Parse(json);

        Assert.Equal(expected, PythonText.Repr(document.RootElement));
    }

    // The value that upstream's tests pin.
    [Fact]
    public void Repr_InUpstreamsNodeHash_GivesUpstreamsValue()
    {
        using var document = JsonDocument.Parse("""{"type":"text"}""");
        var text = "First document in index1" + PythonText.Repr(document.RootElement);

        Assert.Equal(
            "1e64a170be48c45efeaa8667ab35919106da0489ec99a11d0029f2842db133aa",
            Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text))));
    }
}
