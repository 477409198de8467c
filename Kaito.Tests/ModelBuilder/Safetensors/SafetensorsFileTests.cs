using System.Text;
using Kaito.ModelBuilder;
using Kaito.ModelBuilder.Safetensors;

namespace Kaito.Tests.ModelBuilder.Safetensors;

public sealed class SafetensorsFileTests
{
    private static readonly float[] s_values = [0f, 1f, -2.5f, 0.15625f];

    [Theory]
    [InlineData("F32", 16)]
    [InlineData("F16", 8)]
    [InlineData("BF16", 8)]
    [InlineData("F64", 32)]
    public void ReadFloats_EachFloatType_GivesTheValues(string type, int size)
    {
        using var scratch = new ScratchFolder();
        var bytes = type switch
        {
            "F32" => s_values.SelectMany(BitConverter.GetBytes),
            "F16" => s_values.SelectMany(value => BitConverter.GetBytes((Half)value)),
            "BF16" => s_values.SelectMany(value => BitConverter.GetBytes(value)[2..]),
            _ => s_values.SelectMany(value => BitConverter.GetBytes((double)value)),
        };
        var path = Written(
            scratch, $$"""{"w":{"dtype":"{{type}}","shape":[2,2],"data_offsets":[0,{{size}}]} }""", [.. bytes]);

        using var file = SafetensorsFile.Open(path);

        Assert.Equal(s_values, file.ReadFloats("w"));
        Assert.Equal([2L, 2L], file.Tensors["w"].Shape);
    }

    [Fact]
    public void Open_MetadataScalarAndEmptyTensor_AreRead()
    {
        using var scratch = new ScratchFolder();
        const string Header = """
            {"__metadata__":{"format":"pt"},
             "one":{"dtype":"F32","shape":[],"data_offsets":[0,4]},
             "none":{"dtype":"F32","shape":[0,7],"data_offsets":[4,4]}}
            """;

        using var file = SafetensorsFile.Open(Written(scratch, Header, BitConverter.GetBytes(3f)));

        Assert.Equal([3f], file.ReadFloats("one"));
        Assert.Empty(file.ReadFloats("none"));
        Assert.Equal(2, file.Tensors.Count);
    }

    [Theory]
    [InlineData("[]", "not the JSON")]
    [InlineData("{", "not the JSON")]
    [InlineData("""{"w":{"dtype":"F32","shape":[1]}}""", "lacks dtype, shape or two data_offsets")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", "shape [2]) has 4 bytes")]
    [InlineData("""{"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", "shape [-1]) has 4 bytes")]
    [InlineData("""{"w":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,4]}}""", "has 4 bytes")]
    [InlineData("""{"w":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}""", "not the JSON")]
    [InlineData("""{"w":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}""", "end at byte")]
    [InlineData("""{"w":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}""", "begins at byte")]
    [InlineData(
        """{"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""",
        "not the JSON")]
    public void Open_BrokenHeader_SaysWhatIsWrong(string header, string message)
    {
        using var scratch = new ScratchFolder();

        var failure = Assert.Throws<ModelBuildException>(
            () => SafetensorsFile.Open(Written(scratch, header, new byte[4])));

        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
        Assert.Contains("Download it again", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new byte[] { 1, 2, 3 })]
    [InlineData(new byte[] { 255, 255, 255, 255, 255, 255, 255, 255, 0 })]
    [InlineData(new byte[] { 100, 0, 0, 0, 0, 0, 0, 0, 123 })]
    public void Open_ShortFile_IsRefused(byte[] content)
    {
        using var scratch = new ScratchFolder();
        File.WriteAllBytes(scratch.Path("short.safetensors"), content);

        Assert.Throws<ModelBuildException>(() => SafetensorsFile.Open(scratch.Path("short.safetensors")));
    }

    [Fact]
    public void ReadFloats_IntegerTensor_IsRefused()
    {
        using var scratch = new ScratchFolder();
        using var file = SafetensorsFile.Open(
            Written(scratch, """{"w":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}""", new byte[4]));

        var failure = Assert.Throws<ModelBuildException>(() => file.ReadFloats("w"));

        Assert.Contains("'w' is I32", failure.Message, StringComparison.Ordinal);
    }

    private static string Written(ScratchFolder scratch, string header, byte[] content)
    {
        var text = Encoding.UTF8.GetBytes(header);
        var path = scratch.Path("model.safetensors");
        File.WriteAllBytes(path, [.. BitConverter.GetBytes((long)text.Length), .. text, .. content]);
        return path;
    }
}
