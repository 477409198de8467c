using Kaito.Embeddings;
using Kaito.ModelBuilder;
using Kaito.ModelBuilder.Checkpoints;
using Kaito.ModelBuilder.Decoder;
using Kaito.Tests.InferenceHost.Embeddings;

namespace Kaito.Tests.ModelBuilder.Checkpoints;

public sealed class EncoderConversionTests(BertFixture bert)
{
    [Fact]
    public void Run_Bert_WritesWhatTheHostReads() => Assert.Equal(
        ["config.json", "kaito-model.txt", "model.onnx", "model.onnx.data", "tokenizer.json"],
        Directory.GetFiles(bert.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));

    [Fact]
    public void Run_SentenceTransformersFiles_AreKept()
    {
        var checkpoint = bert.Checkpoint("with-pooling");
        Directory.CreateDirectory(Path.Combine(checkpoint, "1_Pooling"));
        File.WriteAllText(Path.Combine(checkpoint, "1_Pooling", "config.json"), """{"pooling_mode_cls_token":true}""");

        var folder = BertFixture.Convert(checkpoint, checkpoint + "-converted");

        Assert.Equal(Pooling.FirstToken, EncoderFolder.Read(folder).Pooling);
    }

    [Theory]
    [InlineData("\"hidden_act\": \"gelu\"", "\"hidden_act\": \"swiglu\"", "hidden_act")]
    [InlineData("\"num_attention_heads\": 4", "\"num_attention_heads\": 5", "num_attention_heads")]
    [InlineData("\"is_decoder\": false", "\"is_decoder\": true", "is_decoder")]
    [InlineData("\"intermediate_size\": 96", "\"intermediate_size\": 95", "intermediate.dense")]
    public void Run_ConfigThatDoesNotFit_NamesTheField(string found, string changed, string expected)
    {
        var checkpoint = bert.Checkpoint($"wrong-{expected}");
        var file = Path.Combine(checkpoint, "config.json");
        File.WriteAllText(file, File.ReadAllText(file).Replace(found, changed, StringComparison.Ordinal));

        var error = Assert.Throws<ModelBuildException>(
            () => CheckpointConversion.Run(checkpoint, checkpoint + "-converted", WeightPrecision.Float32));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(checkpoint + "-converted"));
    }

    [Fact]
    public void Run_Int4_IsRefused()
    {
        var checkpoint = bert.Checkpoint("int4");

        var error = Assert.Throws<ModelBuildException>(
            () => CheckpointConversion.Run(checkpoint, checkpoint + "-converted", WeightPrecision.Int4));

        Assert.Contains("--precision", error.Message, StringComparison.Ordinal);
    }
}
