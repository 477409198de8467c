using System.Text.Json.Nodes;
using Kaito.InferenceHost.Engine;
using Kaito.ModelBuilder;
using Kaito.ModelBuilder.Checkpoints;
using Kaito.ModelBuilder.Decoder;
using Kaito.Tests.InferenceHost.Engine;

namespace Kaito.Tests.ModelBuilder.Checkpoints;

public sealed class CheckpointConversionTests
{
    internal const float Tolerance = 1e-3f;

    public static TheoryData<string> Families =>
    [
        "falcon-40b",
        "falcon-7b",
        "gemma-2",
        "gemma-3",
        "llama",
        "llama-rope-linear",
        "llama-rope-yarn",
        "llama-tied-bias",
        "llama3-rope",
        "mistral",
        "mistral-window",
        "phi-2",
        "phi-3",
        "phi-3-longrope",
        "qwen2",
        "qwen3",
        "stablelm-2",
    ];

    [Theory]
    [MemberData(nameof(Families))]
    public void Run_Float32_GivesTheLogitsOfTransformers(string family)
    {
        using var scratch = new ScratchFolder();
        var golden = Converted(family, scratch);

        var expected = golden.Logits;
        using var session = Session(scratch);
        var most = ModelFolder.Read(scratch.Path("model")).ContextTokens;
        foreach (var input in Enumerable.Range(0, golden.Inputs.Length).Where(input => golden.Inputs[input].Length <= most))
        {
            var logits = session.Logits(golden.Inputs[input]);
            var kept = golden.Positions[input].Select(position => logits[position]).ToArray();
            Assert.InRange(LargestDifference(expected[input], kept), 0, Tolerance);
        }
    }

    [Fact]
    public void Run_LongRopeForALongContext_GivesTheLogitsOfLongTexts()
    {
        using var scratch = new ScratchFolder();
        var golden = new GoldenCheckpoint("phi-3-longrope");
        golden.CopyTo(scratch.Path("checkpoint"));
        CheckpointConversion.Run(scratch.Path("checkpoint"), scratch.Path("model"), WeightPrecision.Float32, context: 256);

        using var session = Session(scratch);
        var logits = session.Logits(golden.Inputs[2]);

        Assert.Equal(48, golden.Inputs[2].Length);
        Assert.Equal(256, ModelFolder.Read(scratch.Path("model")).ContextTokens);
        var kept = golden.Positions[2].Select(position => logits[position]).ToArray();
        Assert.InRange(LargestDifference(golden.Logits[2], kept), 0, Tolerance);
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Run_Float32_GeneratesTheTokensOfTransformers(string family)
    {
        using var scratch = new ScratchFolder();
        var golden = Converted(family, scratch);

        var tokens = GenAIRun.Greedy(scratch.Path("model"), golden.Inputs[0], golden.Greedy.Length);

        Assert.Equal(golden.Greedy, tokens);
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Run_Float32_OurEngineGeneratesTheTokensOfTransformers(string family)
    {
        using var scratch = new ScratchFolder();
        var golden = Converted(family, scratch);
        var options = new EngineOptions
        {
            MaxSequences = 2,
            PrefillTokens = 4,
            Threads = 1,
            CacheBytes = 16 << 20,
            PrefixBytes = 0,
        };
        using var engine = SlotEngine.Load(ModelFolder.Read(scratch.Path("model")), options);
        var sequence = new EngineSequence(1, golden.Inputs[0], golden.Greedy.Length, new GreedySampler());

        Assert.Equal(golden.Greedy, EngineRun.Alone(engine, sequence));
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Run_Float32_OurEngineReadsThePromptAsTransformersDoes(string family)
    {
        using var scratch = new ScratchFolder();
        var golden = Converted(family, scratch);
        var options = new EngineOptions
        {
            MaxSequences = 2,
            PrefillTokens = 4,
            Threads = 1,
            CacheBytes = 16 << 20,
            PrefixBytes = 1 << 20,
        };
        using var engine = SlotEngine.Load(ModelFolder.Read(scratch.Path("model")), options);
        var sequence = new EngineSequence(1, golden.Inputs[0], 1, new GreedySampler());

        // What is known of the prompt already must not be left out.
        EngineRun.Alone(engine, sequence);
        var reader = new KeepingReader();
        EngineRun.Alone(engine, sequence with { PromptReader = reader });

        Assert.Equal(Enumerable.Range(1, golden.Inputs[0].Length - 1), reader.Rows.Keys.Order());
        var kept = golden.Positions[0].Select((position, i) => (position, i))
            .Where(p => reader.Rows.ContainsKey(p.position + 1)).ToArray();
        Assert.NotEmpty(kept);
        Assert.InRange(
            LargestDifference(
                [.. kept.Select(p => golden.Logits[0][p.i])], [.. kept.Select(p => reader.Rows[p.position + 1])]),
            0, Tolerance);
    }

    private sealed class KeepingReader : IPromptReader
    {
        public Dictionary<int, float[]> Rows { get; } = [];

        public void Read(int position, ReadOnlySpan<float> logits) => Rows.Add(position, logits.ToArray());
    }

    [Theory]
    [InlineData("llama-rope-linear", "rope_type")]
    [InlineData("llama-rope-yarn", "type")]
    [InlineData("llama3-rope", "rope_type")]
    public void Run_OlderSpellingOfRope_GivesTheSameLogits(string family, string kindField)
    {
        using var scratch = new ScratchFolder();
        var golden = new GoldenCheckpoint(family);
        golden.CopyTo(scratch.Path("checkpoint"));
        GoldenCheckpoint.Edit(scratch.Path("checkpoint"), config =>
        {
            var rope = config["rope_parameters"]!.DeepClone().AsObject();
            config["rope_theta"] = rope["rope_theta"]!.DeepClone();
            rope.Remove("rope_theta");
            var kind = rope["rope_type"]!.DeepClone();
            rope.Remove("rope_type");
            rope[kindField] = kind;
            config["rope_scaling"] = rope;
            config.Remove("rope_parameters");
        });

        CheckpointConversion.Run(scratch.Path("checkpoint"), scratch.Path("model"), WeightPrecision.Float32);

        using var session = Session(scratch);
        Assert.InRange(
            LargestDifference([golden.Logits[0][^1]], [session.Logits(golden.Inputs[0])[^1]]), 0, Tolerance);
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("tokenizer.json")]
    [InlineData("tokenizer_config.json")]
    [InlineData("model.safetensors")]
    public void Run_MissingFile_NamesItAndWritesNothing(string missing)
    {
        using var scratch = new ScratchFolder();
        new GoldenCheckpoint("llama").CopyTo(scratch.Path("checkpoint"));
        File.Delete(scratch.Path("checkpoint", missing));

        var failure = Failure(scratch);

        Assert.Contains($"'{missing}' is missing", failure.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(scratch.Path("model")));
        Assert.Single(Directory.GetFileSystemEntries(scratch.Root));
    }

    [Theory]
    [InlineData("architectures", """["GPT2LMHeadModel"]""", "'GPT2LMHeadModel'; supported are LlamaForCausalLM")]
    [InlineData("hidden_size", "\"wide\"", "'hidden_size' is \"wide\"; give a positive integer")]
    [InlineData("num_hidden_layers", "0", "'num_hidden_layers' is 0; give a positive integer")]
    [InlineData("num_key_value_heads", "4", "it must divide num_attention_heads (6)")]
    [InlineData("head_dim", "20", "needs a multiple of 8")]
    [InlineData("hidden_act", "\"gelu\"", "'hidden_act' is 'gelu'; only 'silu'")]
    [InlineData("rope_scaling", """{"rope_type":"spiral"}""", "'rope_scaling.rope_type' is 'spiral'")]
    [InlineData("rope_scaling", """{"rope_type":"longrope"}""", "'rope_scaling.short_factor' is missing")]
    [InlineData("rope_scaling", """{"rope_type":"longrope","short_factor":[1]}""", "a list of factors has 1 numbers")]
    [InlineData("partial_rotary_factor", "0.95", "of which 15 are rotated")]
    [InlineData("rope_scaling", """{"type":"linear"}""", "'rope_scaling.factor'")]
    [InlineData("quantization_config", "{}", "use the unquantised checkpoint")]
    [InlineData("eos_token_id", "null", "'eos_token_id' is missing")]
    [InlineData("vocab_size", "145", "has shape [144, 96], but config.json implies [145, 96]")]
    [InlineData("num_hidden_layers", "3", "'model.layers.2.input_layernorm.weight' is missing")]
    public void Run_WrongField_NamesFieldValueAndRemedy(string field, string value, string message)
    {
        using var scratch = new ScratchFolder();
        new GoldenCheckpoint("llama").CopyTo(scratch.Path("checkpoint"));
        GoldenCheckpoint.Edit(scratch.Path("checkpoint"), config => config[field] = JsonNode.Parse(value));

        var failure = Failure(scratch);

        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(scratch.Path("model")));
    }

    [Fact]
    public void Run_Shards_GivesTheBytesOfOneFile()
    {
        using var scratch = new ScratchFolder();
        new GoldenCheckpoint("llama").CopyTo(scratch.Path("checkpoint"));
        CheckpointConversion.Run(scratch.Path("checkpoint"), scratch.Path("whole"), WeightPrecision.Float32);
        Shard(scratch.Path("checkpoint"));

        CheckpointConversion.Run(scratch.Path("checkpoint"), scratch.Path("model"), WeightPrecision.Float32);

        Assert.Equal(
            File.ReadAllBytes(scratch.Path("whole", "model.onnx.data")),
            File.ReadAllBytes(scratch.Path("model", "model.onnx.data")));
    }

    [Theory]
    [InlineData("../model-1.safetensors", "only plain names")]
    [InlineData("model-9.safetensors", "'model-9.safetensors' is missing")]
    public void Run_IndexNamesABadFile_Refuses(string file, string message)
    {
        using var scratch = new ScratchFolder();
        new GoldenCheckpoint("llama").CopyTo(scratch.Path("checkpoint"));
        File.Delete(scratch.Path("checkpoint", "model.safetensors"));
        File.WriteAllText(
            scratch.Path("checkpoint", "model.safetensors.index.json"), $$$"""{"weight_map":{"a":"{{{file}}}"}}""");

        Assert.Contains(message, Failure(scratch).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_GenerationConfig_OverridesEndTokensAndSampling()
    {
        using var scratch = new ScratchFolder();
        new GoldenCheckpoint("llama").CopyTo(scratch.Path("checkpoint"));
        File.WriteAllText(
            scratch.Path("checkpoint", "generation_config.json"),
            """{"eos_token_id":[7,9],"do_sample":true,"temperature":0.6,"top_p":0.9}""");

        var defaults = CheckpointConfig.Load(scratch.Path("checkpoint")).Defaults;

        Assert.Equal([7, 9], defaults.EndTokens);
        Assert.Equal((true, 0.6, 50, 0.9), (defaults.Sample, defaults.Temperature, defaults.TopK, defaults.TopP));
        Assert.Equal((1, 0), (defaults.BeginToken, defaults.PadToken));
    }

    private static GoldenCheckpoint Converted(string family, ScratchFolder scratch)
    {
        var golden = new GoldenCheckpoint(family);
        golden.CopyTo(scratch.Path("checkpoint"));
        CheckpointConversion.Run(scratch.Path("checkpoint"), scratch.Path("model"), WeightPrecision.Float32);
        return golden;
    }

    internal static Kaito.Tests.ModelBuilder.DecoderSession Session(ScratchFolder scratch)
    {
        var shape = CheckpointConfig.Load(scratch.Path("checkpoint")).Shape;
        return new(scratch.Path("model"), shape.Layers, shape.KeyValueHeads, shape.HeadSize);
    }

    internal static ModelBuildException Failure(ScratchFolder scratch) =>
        Assert.Throws<ModelBuildException>(() => CheckpointConversion.Run(
            scratch.Path("checkpoint"), scratch.Path("model"), WeightPrecision.Float32));

    internal static float LargestDifference(float[][] expected, float[][] actual) =>
        expected.Zip(actual).Max(rows => rows.First.Zip(rows.Second).Max(pair => MathF.Abs(pair.First - pair.Second)));

    // Splits the file by tensor into two that each hold every other one.
    private static void Shard(string folder)
    {
        var whole = Path.Combine(folder, "model.safetensors");
        var bytes = File.ReadAllBytes(whole);
        var start = 8 + (int)BitConverter.ToInt64(bytes);
        var tensors = JsonNode.Parse(bytes.AsSpan(8, start - 8))!.AsObject()
            .Where(member => member.Key != "__metadata__").ToArray();
        var map = new JsonObject();
        for (var shard = 0; shard < 2; shard++)
        {
            var file = $"model-{shard}.safetensors";
            var (header, content) = (new JsonObject(), new List<byte>());
            foreach (var (name, entry) in tensors.Where((_, index) => index % 2 == shard))
            {
                var offsets = entry!["data_offsets"]!.AsArray().Select(offset => offset!.GetValue<int>()).ToArray();
                header[name] = new JsonObject
                {
                    ["dtype"] = entry["dtype"]!.DeepClone(),
                    ["shape"] = entry["shape"]!.DeepClone(),
                    ["data_offsets"] = new JsonArray(content.Count, content.Count + offsets[1] - offsets[0]),
                };
                content.AddRange(bytes[(start + offsets[0])..(start + offsets[1])]);
                map[name] = file;
            }

            var text = System.Text.Encoding.UTF8.GetBytes(header.ToJsonString());
            File.WriteAllBytes(
                Path.Combine(folder, file), [.. BitConverter.GetBytes((long)text.Length), .. text, .. content]);
        }

        File.Delete(whole);
        File.WriteAllText(
            Path.Combine(folder, "model.safetensors.index.json"),
            new JsonObject { ["weight_map"] = map }.ToJsonString());
    }
}
