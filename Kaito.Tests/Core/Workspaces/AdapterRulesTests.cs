using Kaito.Core.Workspaces;

namespace Kaito.Tests.Core.Workspaces;

public sealed class AdapterRulesTests
{
    private const string Image = """{"source":{"name":"a","image":"registry.example.com:5000/team/a:1.0"},"strength":"0.5"}""";

    [Fact]
    public void Parse_ImageAndVolume_AreKept()
    {
        var workspace = WorkspaceParserTests.Accept(Manifest(
            "onnx", Image + """,{"source":{"name":"b.c","volumeSource":{"emptyDir":{}}}}"""));

        var adapters = Assert.IsType<InferenceWorkload.Preset>(workspace.Inference).Adapters;
        Assert.Equal([("a", 0.5), ("b.c", 1.0)], adapters.Select(static a => (a.Name, a.Strength)));
    }

    [Theory]
    [InlineData("{}", "inference.adapters[0].source required")]
    [InlineData("""{"source":{"image":"a"}}""", "inference.adapters[0].source.name required")]
    [InlineData("""{"source":{"name":"A'b","image":"a"}}""", "inference.adapters[0].source.name invalid-name")]
    [InlineData("""{"source":{"name":"a"}}""", "inference.adapters[0].source one-source")]
    [InlineData("""{"source":{"name":"a","image":"a","volumeSource":{}}}""", "inference.adapters[0].source one-source")]
    [InlineData(
        """{"source":{"name":"a","urls":["http://x"]}}""", "inference.adapters[0].source.urls urls-unsupported")]
    [InlineData(
        """{"source":{"name":"a","image":"not an image"}}""", "inference.adapters[0].source.image invalid-image")]
    [InlineData(
        """{"source":{"name":"a","image":"a"},"strength":"much"}""", "inference.adapters[0].strength out-of-range")]
    [InlineData(
        """{"source":{"name":"a","image":"a"},"strength":"1.1"}""", "inference.adapters[0].strength out-of-range")]
    [InlineData(
        """{"source":{"name":"a","image":"a"}},{"source":{"name":"a","image":"b"}}""", "inference.adapters duplicate")]
    public void Parse_InvalidAdapter_NamesTheField(string adapters, string expected)
    {
        var error = Assert.Single(WorkspaceParserTests.Refuse(Manifest("onnx", adapters)));

        Assert.Equal(expected, $"{error.Path} {error.Code}");
    }

    [Fact]
    public void Parse_ElevenAdapters_AreTooMany()
    {
        var adapters = string.Join(
            ',', Enumerable.Range(0, 11).Select(static i => $$$"""{"source":{"name":"a{{{i}}}","image":"a"}}"""));

        Assert.Equal("too-many", Assert.Single(WorkspaceParserTests.Refuse(Manifest("onnx", adapters))).Code);
    }

    [Fact]
    public void Parse_StrengthOnVllm_IsAnErrorAndAWarningWhenItIsOne()
    {
        Assert.Equal("strength-unsupported", Assert.Single(WorkspaceParserTests.Refuse(Manifest("vllm", Image))).Code);
        var accepted = WorkspaceParserTests.Accept(Manifest("vllm", Image.Replace("0.5", "1.0", StringComparison.Ordinal)));
        Assert.StartsWith(
            "inference.adapters[0].strength: 1.0 has no effect", Assert.Single(accepted.Warnings), StringComparison.Ordinal);
    }

    private static string Manifest(string runtime, string adapters) =>
        $$$"""
        {"metadata":{"name":"ws"},
         "resource":{"instanceType":"Standard_NC24ads_A100_v4","labelSelector":{}},
         "inference":{"runtime":"{{{runtime}}}","preset":{"name":"phi-4"},"adapters":[{{{adapters}}}]}}
        """;
}
