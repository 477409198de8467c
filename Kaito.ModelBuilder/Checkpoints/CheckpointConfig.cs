using Kaito.ModelBuilder.Decoder;
using Kaito.ModelBuilder.Folders;

namespace Kaito.ModelBuilder.Checkpoints;

/// <summary>What config.json and generation_config.json say, parsed and checked.</summary>
internal sealed record CheckpointConfig(DecoderShape Shape, GenerationDefaults Defaults)
{
    /// <summary>See <see cref="Family.Weights"/>.</summary>
    public required Func<IDecoderWeights, DecoderShape, IDecoderWeights> Weights { get; init; }

    /// <summary>The graph's layers have the names of the checkpoint's, so that adapters find theirs.</summary>
    public required bool TakesAdapters { get; init; }

    public const string FileName = "config.json";
    public const string GenerationFileName = "generation_config.json";

    private const int HeadMultiple = 8;

    /// <exception cref="ModelBuildException">A field is missing, wrong or asks for what the graph can not
    /// do.</exception>
    public static CheckpointConfig Load(string folder, int? context = null)
    {
        var config = ConfigFields.Load(folder, FileName);
        var family = Family.Of(config);
        RequireSupported(config);
        var shape = family.Refine(config, Shaped(config, family, context));
        RequireConsistent(config, shape);
        var generation = File.Exists(Path.Combine(folder, GenerationFileName))
            ? ConfigFields.Load(folder, GenerationFileName)
            : config;
        return new(shape, Defaulted(config, generation, family))
        {
            Weights = family.Weights,
            TakesAdapters = !family.AnyActivation,
        };
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
            RotatedSize = RopeConfig.RotatedSize(config, headSize, family.RotatedShare),
            Activation = ActivationOf(config, family),
            Intermediate = config.Positive("intermediate_size", 4 * hidden),
            Vocabulary = config.Positive("vocab_size"),
            Context = Math.Min(config.Positive("max_position_embeddings", family.Context), rope.MostPositions),
            NormEpsilon = (float)config.PositiveNumber(family.Epsilon.Name, family.Epsilon.Value),
            Rope = rope,
            QueryKeyNorm = family.QueryKeyNorm,
            TiedHead = config.Flag("tie_word_embeddings", family.TiedHead),
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
    }

    private static Activation ActivationOf(ConfigFields config, Family family)
    {
        var (name, otherwise) = family.Activation;
        var asked = config.Text(name) ?? otherwise;
        return asked switch
        {
            "silu" or "swish" => Activation.Silu,
            "gelu" when family.AnyActivation => Activation.Gelu,
            "gelu_new" or "gelu_fast" or "gelu_pytorch_tanh" when family.AnyActivation => Activation.GeluTanh,
            _ => throw config.Wrong(
                name, $"'{asked}'",
                family.AnyActivation
                    ? "supported are silu, gelu, gelu_new, gelu_fast and gelu_pytorch_tanh"
                    : "only 'silu' is supported for this architecture"),
        };
    }

    private static void RequireConsistent(ConfigFields config, DecoderShape shape)
    {
        if (shape.Heads % shape.KeyValueHeads != 0)
        {
            throw config.Wrong(
                "num_key_value_heads", $"{shape.KeyValueHeads}", $"it must divide num_attention_heads ({shape.Heads})");
        }

        if (shape.HeadSize % HeadMultiple != 0 || shape.Rotated % 2 != 0)
        {
            throw config.Wrong(
                "head_dim", $"{shape.HeadSize}, of which {shape.Rotated} are rotated",
                $"the attention needs a multiple of {HeadMultiple}, of which an even number is rotated");
        }
    }
}
