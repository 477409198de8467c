using Kaito.ModelBuilder.Decoder;

namespace Kaito.ModelBuilder.Checkpoints;

/// <summary>Architectures whose layers are built otherwise than the llama family's.</summary>
internal static class OtherFamilies
{
    private const string Remedy = "such checkpoints of this architecture cannot be converted";

    private static readonly (string Ours, string Theirs)[] s_phiNames =
    [
        ("self_attn.o_proj", "self_attn.dense"), ("mlp.up_proj", "mlp.fc1"), ("mlp.down_proj", "mlp.fc2"),
        ("model.norm", "model.final_layernorm"),
    ];

    public static IReadOnlyList<Family> All { get; } =
    [
        new("PhiForCausalLM", "phi", 2048, null, false)
        {
            Epsilon = ("layer_norm_eps", 1e-5),
            Activation = ("hidden_act", "gelu_new"),
            AnyActivation = true,
            RotatedShare = 0.5,
            Refine = Phi,
            Weights = static (files, _) => new RenamedWeights(files, s_phiNames),
        },
        new("StableLmForCausalLM", "decoder", 4096, null, false)
        {
            Epsilon = ("layer_norm_eps", 1e-5),
            AnyActivation = true,
            RotatedShare = 0.25,
            Refine = StableLm,
        },
        new("FalconForCausalLM", "decoder", 2048, null, false)
        {
            Epsilon = ("layer_norm_epsilon", 1e-5),
            Activation = ("activation", "gelu"),
            AnyActivation = true,
            TiedHead = true,
            Refine = Falcon,
            Weights = static (files, shape) => new FalconWeights(files, shape),
        },
        new("Gemma2ForCausalLM", "gemma2", 8192, 4, false)
        {
            HeadSize = 256,
            Activation = ("hidden_activation", "gelu_pytorch_tanh"),
            AnyActivation = true,
            TiedHead = true,
            Refine = static (config, shape) => Gemma(config, shape) with
            {
                AttentionCap = Cap(config, "attn_logit_softcapping", 50),
                LogitCap = Cap(config, "final_logit_softcapping", 30),
            },
            Weights = static (files, _) => new OffsetNorms(files),
        },
        new("Gemma3ForCausalLM", "gemma3_text", 131072, 4, false)
        {
            HeadSize = 256,
            QueryKeyNorm = true,
            Activation = ("hidden_activation", "gelu_pytorch_tanh"),
            AnyActivation = true,
            TiedHead = true,
            Refine = static (config, shape) => Gemma(config, shape) with
            {
                AttentionCap = Cap(config, "attn_logit_softcapping", 0),
                LogitCap = Cap(config, "final_logit_softcapping", 0),
                Rope = RopeConfig.ParseGemma(config, windowed: false),
                WindowRope = RopeConfig.ParseGemma(config, windowed: true),
            },
            Weights = static (files, _) => new OffsetNorms(files),
        },
    ];

    private static DecoderShape Phi(ConfigFields config, DecoderShape shape)
    {
        Refuse(config, "qk_layernorm");
        return shape with
        {
            Block = BlockKind.Parallel,
            LayerNorms = true,
            Gated = false,
            QueryKeyValueBias = true,
            OutputBias = true,
            FeedForwardBias = true,
            HeadBias = true,
        };
    }

    private static DecoderShape StableLm(ConfigFields config, DecoderShape shape)
    {
        Refuse(config, "qk_layernorm");
        Refuse(config, "use_parallel_residual");
        return shape with
        {
            LayerNorms = true,
            QueryKeyValueBias = config.Flag("use_qkv_bias", false),
            OutputBias = false,
        };
    }

    private static DecoderShape Falcon(ConfigFields config, DecoderShape shape)
    {
        Refuse(config, "alibi");
        Refuse(config, "bias");
        var recent = config.Flag("new_decoder_architecture", false);
        if (!recent)
        {
            Require(config, "multi_query");
            Require(config, "parallel_attn");
        }
        else if (config.Positive("num_ln_in_parallel_attn", 2) != 2)
        {
            throw config.Wrong("num_ln_in_parallel_attn", "not 2", Remedy);
        }

        return shape with
        {
            // Older checkpoints state a number that nobody reads.
            KeyValueHeads = recent ? config.Positive("num_kv_heads", shape.Heads) : 1,
            Intermediate = config.Positive("ffn_hidden_size", 4 * shape.Hidden),
            Block = recent ? BlockKind.ParallelTwoNorms : BlockKind.Parallel,
            LayerNorms = true,
            Gated = false,
        };
    }

    private static DecoderShape Gemma(ConfigFields config, DecoderShape shape)
    {
        Refuse(config, "use_bidirectional_attention");
        return shape with
        {
            Block = BlockKind.Sandwich,
            EmbeddingScale = InWeightsType(config, MathF.Sqrt(shape.Hidden)),
            AttentionScale = (float)(1 / Math.Sqrt(config.PositiveNumber("query_pre_attn_scalar", 256))),
        };
    }

    // The authors multiply with a number of the type of their weights.
    private static float InWeightsType(ConfigFields config, float value) => (config.Text("dtype") ?? config.Text("torch_dtype")) switch
    {
        "bfloat16" => BitConverter.UInt32BitsToSingle((BitConverter.SingleToUInt32Bits(value) + 0x8000) & 0xFFFF0000),
        "float16" => (float)(Half)value,
        _ => value,
    };

    private static float Cap(ConfigFields config, string name, double otherwise) =>
        config.Mentions(name) && !config.Has(name) ? 0 : (float)(config.Number(name) ?? otherwise);

    private static void Refuse(ConfigFields config, string flag)
    {
        if (config.Flag(flag, false))
        {
            throw config.Wrong(flag, "true", Remedy);
        }
    }

    private static void Require(ConfigFields config, string flag)
    {
        if (!config.Flag(flag, true))
        {
            throw config.Wrong(flag, "false", Remedy);
        }
    }
}

/// <summary>A checkpoint that has other names for some layers.</summary>
internal sealed class RenamedWeights(IDecoderWeights checkpoint, IReadOnlyList<(string Ours, string Theirs)> names) : IDecoderWeights
{
    public float[] Read(string name, params ReadOnlySpan<int> shape)
    {
        var (ours, theirs) = names.FirstOrDefault(pair => name.Contains(pair.Ours, StringComparison.Ordinal));
        return checkpoint.Read(ours is null ? name : name.Replace(ours, theirs, StringComparison.Ordinal), shape);
    }
}

/// <summary>A checkpoint whose norms multiply with one more than they store.</summary>
internal sealed class OffsetNorms(IDecoderWeights checkpoint) : IDecoderWeights
{
    public float[] Read(string name, params ReadOnlySpan<int> shape)
    {
        var values = checkpoint.Read(name, shape);
        return name.EndsWith("norm.weight", StringComparison.Ordinal) ? [.. values.Select(static value => value + 1)] : values;
    }
}

/// <summary>
/// Falcon's names, and its projections of query, key and value: together, group by group the queries of one key, that key and
/// its value.
/// </summary>
internal sealed class FalconWeights(IDecoderWeights checkpoint, DecoderShape shape) : IDecoderWeights
{
    private readonly RenamedWeights _renamed = new(
        checkpoint,
        [
            ("self_attn.o_proj", "self_attention.dense"), ("mlp.up_proj", "mlp.dense_h_to_4h"),
            ("mlp.down_proj", "mlp.dense_4h_to_h"),
        ]);

    private (string Name, float[] Values) _last = ("", []);

    public float[] Read(string name, params ReadOnlySpan<int> wanted)
    {
        var parts = name.Split('.');
        return parts[^2] switch
        {
            "q_proj" => Part(parts, 0..Group),
            "k_proj" => Part(parts, Group..(Group + 1)),
            "v_proj" => Part(parts, (Group + 1)..(Group + 2)),
            "embed_tokens" => checkpoint.Read("transformer.word_embeddings.weight", wanted),
            "norm" => checkpoint.Read($"transformer.ln_f.{parts[^1]}", wanted),
            "lm_head" => checkpoint.Read(name, wanted),
            "input_layernorm" when TwoNorms => checkpoint.Read($"{Layer(parts)}.ln_attn.{parts[^1]}", wanted),
            "post_attention_layernorm" when TwoNorms => checkpoint.Read($"{Layer(parts)}.ln_mlp.{parts[^1]}", wanted),
            _ => _renamed.Read(name.Replace("model.layers.", "transformer.h.", StringComparison.Ordinal), wanted),
        };
    }

    private bool TwoNorms => shape.Block == BlockKind.ParallelTwoNorms;

    // Queries of one key.
    private int Group => shape.Heads / shape.KeyValueHeads;

    private static string Layer(string[] parts) => $"transformer.h.{parts[2]}";

    private float[] Part(string[] parts, Range heads)
    {
        var stored = $"{Layer(parts)}.self_attention.query_key_value.{parts[^1]}";
        var width = parts[^1] == "weight" ? shape.Hidden : 1;
        var rows = (shape.Heads + (2 * shape.KeyValueHeads)) * shape.HeadSize;
        if (_last.Name != stored)
        {
            _last = (stored, width == 1 ? checkpoint.Read(stored, rows) : checkpoint.Read(stored, rows, width));
        }

        var (first, count) = heads.GetOffsetAndLength(Group + 2);
        var head = shape.HeadSize * width;
        var values = new float[shape.KeyValueHeads * count * head];
        for (var group = 0; group < shape.KeyValueHeads; group++)
        {
            _last.Values.AsSpan(((group * (Group + 2)) + first) * head, count * head)
                .CopyTo(values.AsSpan(group * count * head));
        }

        return values;
    }
}
