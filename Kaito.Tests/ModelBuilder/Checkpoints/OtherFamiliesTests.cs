using System.Numerics.Tensors;
using System.Text.Json.Nodes;
using Kaito.ModelBuilder;
using Kaito.ModelBuilder.Checkpoints;
using Kaito.ModelBuilder.Decoder;

namespace Kaito.Tests.ModelBuilder.Checkpoints;

/// <summary>Falcon, Gemma, Phi-2 and StableLM beyond what <see cref="CheckpointConversionTests"/> holds of all families.</summary>
public sealed class OtherFamiliesTests
{
    [Theory]
    [InlineData("falcon-7b", "alibi", "true", "'alibi' is true; such checkpoints")]
    [InlineData("falcon-7b", "bias", "true", "'bias' is true; such checkpoints")]
    [InlineData("falcon-7b", "multi_query", "false", "'multi_query' is false; such checkpoints")]
    [InlineData("falcon-7b", "parallel_attn", "false", "'parallel_attn' is false; such checkpoints")]
    [InlineData("falcon-40b", "num_ln_in_parallel_attn", "1", "'num_ln_in_parallel_attn' is not 2")]
    [InlineData("phi-2", "qk_layernorm", "true", "'qk_layernorm' is true")]
    [InlineData("phi-2", "hidden_act", "\"relu\"", "'hidden_act' is 'relu'; supported are silu, gelu")]
    [InlineData("stablelm-2", "use_parallel_residual", "true", "'use_parallel_residual' is true")]
    [InlineData("gemma-2", "use_bidirectional_attention", "true", "'use_bidirectional_attention' is true")]
    [InlineData("gemma-3", "rope_parameters", """{"full_attention":{"rope_type":"yarn"}}""", "'rope_parameters' is 'yarn'")]
    public void Run_FormThatIsNotBuilt_IsRefused(string family, string field, string value, string message)
    {
        using var scratch = new ScratchFolder();
        new GoldenCheckpoint(family).CopyTo(scratch.Path("checkpoint"));
        GoldenCheckpoint.Edit(scratch.Path("checkpoint"), config => config[field] = JsonNode.Parse(value));

        Assert.Contains(message, CheckpointConversionTests.Failure(scratch).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gemma-3", "sliding_window_pattern", 4)]
    [InlineData("gemma-2", "", 0)]
    public void Run_OlderSpellingOfGemma_GivesTheSameLogits(string family, string patternField, int pattern)
    {
        using var scratch = new ScratchFolder();
        var golden = new GoldenCheckpoint(family);
        golden.CopyTo(scratch.Path("checkpoint"));
        GoldenCheckpoint.Edit(scratch.Path("checkpoint"), config =>
        {
            config.Remove("rope_parameters");
            config.Remove("layer_types");
            config["rope_theta"] = family == "gemma-3" ? 1_000_000 : 10_000;
            config["rope_local_base_freq"] = 10_000;
            if (pattern > 0)
            {
                config[patternField] = pattern;
            }
        });

        CheckpointConversion.Run(scratch.Path("checkpoint"), scratch.Path("model"), WeightPrecision.Float32);

        using var session = CheckpointConversionTests.Session(scratch);
        var logits = session.Logits(golden.Inputs[2]);
        var kept = golden.Positions[2].Select(position => logits[position]).ToArray();
        Assert.InRange(CheckpointConversionTests.LargestDifference(golden.Logits[2], kept), 0, CheckpointConversionTests.Tolerance);
    }

    [Theory]
    [InlineData("bfloat16", 59.75f)]
    [InlineData("float16", 59.875f)]
    [InlineData("float32", 59.86652f)]
    public void Load_Gemma_ScalesEmbeddingsInTheTypeOfItsWeights(string type, float expected)
    {
        using var scratch = new ScratchFolder();
        new GoldenCheckpoint("gemma-2").CopyTo(scratch.Path("checkpoint"));
        GoldenCheckpoint.Edit(scratch.Path("checkpoint"), config => (config["hidden_size"], config["dtype"]) = (3584, type));

        Assert.Equal(expected, CheckpointConfig.Load(scratch.Path("checkpoint")).Shape.EmbeddingScale);
    }

    [Theory]
    [InlineData("falcon-40b")]
    [InlineData("gemma-3")]
    [InlineData("phi-2")]
    [InlineData("stablelm-2")]
    public void Run_Int4_StaysNearTheLogitsOfTransformers(string family)
    {
        using var scratch = new ScratchFolder();
        var golden = new GoldenCheckpoint(family);
        golden.CopyTo(scratch.Path("checkpoint"));
        CheckpointConversion.Run(scratch.Path("checkpoint"), scratch.Path("model"), WeightPrecision.Int4);

        using var session = CheckpointConversionTests.Session(scratch);
        var logits = session.Logits(golden.Inputs[0]);

        // Of random weights: alike, not equal.
        var last = golden.Positions[0][^1];
        Assert.InRange(TensorPrimitives.CosineSimilarity<float>(golden.Logits[0][^1], logits[last]), 0.9f, 1);
    }

    [Fact]
    public void Run_AdaptersForAnArchitectureWithoutThem_IsRefused()
    {
        using var scratch = new ScratchFolder();
        new GoldenCheckpoint("phi-2").CopyTo(scratch.Path("checkpoint"));

        var failure = Assert.Throws<ModelBuildException>(() => CheckpointConversion.Run(
            scratch.Path("checkpoint"), scratch.Path("model"), WeightPrecision.Float32, adapters: true));

        Assert.Contains("Leave --lora out", failure.Message, StringComparison.Ordinal);
    }
}
