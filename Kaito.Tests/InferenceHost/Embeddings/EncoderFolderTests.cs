using Kaito.Embeddings;

namespace Kaito.Tests.InferenceHost.Embeddings;

public sealed class EncoderFolderTests(BertFixture bert)
{
    private const string Modules =
        """[{"idx":0,"path":"","type":"sentence_transformers.models.Transformer"},"""
        + """{"idx":1,"path":"1_Pooling","type":"sentence_transformers.models.Pooling"}]""";

    [Fact]
    public void Read_BareCheckpoint_IsMeanAndNormalized()
    {
        var folder = EncoderFolder.Read(bert.Folder);

        Assert.Equal((Pooling.Mean, true), (folder.Pooling, folder.Normalize));
        Assert.Equal((128, 0), (folder.MaxTokens, folder.PadToken));
        Assert.Null(folder.ShorterWidths);
    }

    [Fact]
    public void Read_SentenceTransformersFiles_Decide()
    {
        var folder = EncoderFolder.Read(bert.With(
            "sentence",
            ("modules.json", Modules),
            ("1_Pooling/config.json", """{"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":false}"""),
            ("sentence_bert_config.json", """{"max_seq_length":64,"do_lower_case":false}""")));

        Assert.Equal((Pooling.FirstToken, false, 64), (folder.Pooling, folder.Normalize, folder.MaxTokens));
    }

    [Fact]
    public void Read_RobertaAndHugeTokenizerLimit_LeavesRoomForPadding()
    {
        var folder = EncoderFolder.Read(bert.With(
            "roberta",
            ("config.json", """{"model_type":"xlm-roberta","max_position_embeddings":514,"pad_token_id":1}"""),
            ("tokenizer_config.json", """{"model_max_length":1e30}""")));

        Assert.Equal((512, 1), (folder.MaxTokens, folder.PadToken));
    }

    [Theory]
    [InlineData("lasttoken", """{"pooling_mode_lasttoken":true}""", "pooling_mode")]
    [InlineData("two", """{"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":true}""", "pooling_mode")]
    [InlineData("text", "not json", "1_Pooling")]
    public void Read_PoolingThatIsNotSupported_SaysSo(string name, string pooling, string expected)
    {
        var folder = bert.With($"pooling-{name}", ("modules.json", Modules), ("1_Pooling/config.json", pooling));

        var error = Assert.Throws<EncoderException>(() => EncoderFolder.Read(folder));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_DenseModule_SaysSo()
    {
        var folder = bert.With(
            "dense", ("modules.json", """[{"idx":2,"path":"2_Dense","type":"sentence_transformers.models.Dense"}]"""));

        var error = Assert.Throws<EncoderException>(() => EncoderFolder.Read(folder));

        Assert.Contains("sentence_transformers.models.Dense", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void IsAt_GenerationFolder_IsFalse()
    {
        Assert.True(EncoderFolder.IsAt(bert.Folder));
        Assert.False(EncoderFolder.IsAt(bert.With("generation", ("genai_config.json", "{}"))));
        Assert.False(EncoderFolder.IsAt(bert.Checkpoint("no-graph")));
    }
}
