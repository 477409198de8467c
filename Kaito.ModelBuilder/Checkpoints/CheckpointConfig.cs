using Kaito.ModelBuilder.Decoder;
using Kaito.ModelBuilder.Folders;

namespace Kaito.ModelBuilder.Checkpoints;

/// <summary>What config.json and generation_config.json say, parsed and checked.</summary>
internal sealed record CheckpointConfig(DecoderShape Shape, GenerationDefaults Defaults)
{
    /// <summary>Projections are kept together, see <see cref="FusedWeights"/>.</summary>
    public bool Fused { get; init; }

    public const string FileName = "config.json";
    public const string GenerationFileName = "generation_config.json";

    private const int RotaryMultiple = 16;

    /// <exception cref="ModelBuildException">A field is missing, wrong or asks for what the graph can not
    /// do.</exception>
    public static CheckpointConfig Load(string folder, int? context = null)
    {
        var config = ConfigFields.Load(folder, FileName);
        var family = Family.Of(config);
        RequireSupported(config);
        var shape = Shaped(config, family, context);
        RequireConsistent(config, shape);
        var generation = File.Exists(Path.Combine(folder, GenerationFileName))
            ? ConfigFields.Load(folder, GenerationFileName)
            : config;
        return new(shape, Defaulted(config, generation, family)) { Fused = family.Fused };
    }

    private static DecoderShape Shaped(ConfigFields config, Family family, int? context)
    {
        var hidden = config.Positive("hidden_size");
        var heads = config.Positive("num_attention_heads");
        var layers = config.Positive("num_hidden_layers");
        var headSize = config.Positive("head_dim", family.HeadSize ?? Math.Max(hidden / heads, 1));
        var rope = RopeConfig.Parse(config, context);
        return new()
        {
            Layers = layers,
            Hidden = hidden,
            Heads = heads,
            KeyValueHeads = config.Positive("num_key_value_heads", family.KeyValueHeads ?? heads),
            HeadSize = headSize,
            RotatedSize = RopeConfig.RotatedSize(config, headSize),
            Intermediate = config.Positive("intermediate_size"),
            Vocabulary = config.Positive("vocab_size"),
            Context = Math.Min(config.Positive("max_position_embeddings", family.Context), rope.MostPositions),
            NormEpsilon = (float)config.PositiveNumber("rms_norm_eps", 1e-6),
            Rope = rope,
            QueryKeyNorm = family.QueryKeyNorm,
            TiedHead = config.Flag("tie_word_embeddings", false),
            QueryKeyValueBias = family.AlwaysQueryKeyValueBias || config.Flag("attention_bias", false),
            OutputBias = !family.AlwaysQueryKeyValueBias && config.Flag("attention_bias", false),
            FeedForwardBias = config.Flag("mlp_bias", false),
            Windows = family.Windows(config, layers),
        };
    }

    private static GenerationDefaults Defaulted(ConfigFields config, ConfigFields generation, Family family)
    {
        var ends = FirstStated("eos_token_id", generation, config);
        if (ends.Count == 0)
        {
            throw config.Wrong("eos_token_id", "missing", "state the token that ends a reply, or replies never end");
        }

        return new()
        {
            ModelType = family.ModelType,
            EndTokens = ends,
            BeginToken = FirstStated("bos_token_id", generation, config).Concat(ends).First(),
            PadToken = FirstStated("pad_token_id", generation, config).Concat(ends).First(),
            Sample = generation.Flag("do_sample", false),
            Temperature = generation.Number("temperature") ?? 1,
            TopK = (int)(generation.Number("top_k") ?? 50),
            TopP = generation.Number("top_p") ?? 1,
        };
    }

    private static IReadOnlyList<int> FirstStated(string name, ConfigFields generation, ConfigFields config) =>
        generation.Has(name) ? generation.Tokens(name) : config.Tokens(name);

    private static void RequireSupported(ConfigFields config)
    {
        if (config.Has("quantization_config"))
        {
            throw config.Wrong(
                "quantization_config", "set", "use the unquantised checkpoint and --precision int4 instead");
        }

        var activation = config.Text("hidden_act") ?? "silu";
        if (activation is not ("silu" or "swish"))
        {
            throw config.Wrong("hidden_act", $"'{activation}'", "only 'silu' is supported for this architecture");
        }
    }

    private static void RequireConsistent(ConfigFields config, DecoderShape shape)
    {
        if (shape.Heads % shape.KeyValueHeads != 0)
        {
            throw config.Wrong(
                "num_key_value_heads", $"{shape.KeyValueHeads}", $"it must divide num_attention_heads ({shape.Heads})");
        }

        if (shape.HeadSize % RotaryMultiple != 0 || shape.Rotated % RotaryMultiple != 0)
        {
            throw config.Wrong(
                "head_dim", $"{shape.HeadSize}, of which {shape.Rotated} are rotated",
                $"the rotary kernel needs a multiple of {RotaryMultiple}");
        }
    }
}
