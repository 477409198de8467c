using Kaito.Embeddings;

namespace Kaito.Tests.InferenceHost.Embeddings;

public sealed class EncoderSessionTests(BertFixture bert)
{
    private const float Tolerance = 1e-4f;

    [Fact]
    public void Embed_MeanPoolingOneByOne_EqualsReference()
    {
        using var session = new EncoderSession(EncoderFolder.Read(bert.Folder), threads: 1);

        for (var at = 0; at < bert.Inputs.Length; at++)
        {
            var vector = session.Embed([bert.Inputs[at]])[0];
            AssertClose(bert.Mean[at], Vectors.Shape(vector, vector.Length, normalize: true));
        }
    }

    [Theory]
    [InlineData("Mean")]
    [InlineData("FirstToken")]
    public void Embed_PaddedBatch_EqualsReference(string pooling)
    {
        var folder = EncoderFolder.Read(bert.Folder) with { Pooling = Enum.Parse<Pooling>(pooling) };
        using var session = new EncoderSession(folder, threads: 2);

        var vectors = session.Embed(bert.Inputs);

        var expected = pooling == "Mean" ? bert.Mean : bert.Cls;
        for (var at = 0; at < expected.Length; at++)
        {
            AssertClose(expected[at], Vectors.Shape(vectors[at], session.Width, normalize: true));
        }
    }

    [Fact]
    public void Constructor_FileThatIsNoGraph_NamesTheFile()
    {
        var folder = EncoderFolder.Read(bert.With("broken-graph", ("model.onnx", "no graph")));

        var error = Assert.Throws<EncoderException>(() => new EncoderSession(folder, threads: 1));

        Assert.Contains(folder.Graph, error.Message, StringComparison.Ordinal);
    }

    internal static void AssertClose(IReadOnlyList<float> expected, IReadOnlyList<float> actual)
    {
        Assert.Equal(expected.Count, actual.Count);
        var furthest = expected.Zip(actual, static (left, right) => MathF.Abs(left - right)).Max();
        Assert.InRange(furthest, 0, Tolerance);
    }
}
