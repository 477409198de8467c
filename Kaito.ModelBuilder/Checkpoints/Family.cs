using Kaito.ModelBuilder.Decoder;

namespace Kaito.ModelBuilder.Checkpoints;

/// <summary>How one architecture differs from the others where config.json is silent or has other names.</summary>
/// <param name="Architecture">First entry of <c>architectures</c>.</param>
/// <param name="ModelType">GenAI's name.</param>
/// <param name="Context">Default of max_position_embeddings.</param>
/// <param name="KeyValueHeads">Default of num_key_value_heads; null: as many as query heads.</param>
/// <param name="AlwaysQueryKeyValueBias">Query, key and value have biases and the output has none.</param>
internal sealed record Family(
    string Architecture, string ModelType, int Context, int? KeyValueHeads, bool AlwaysQueryKeyValueBias)
{
    /// <summary>Width of a head where config.json does not say; null: hidden size by heads.</summary>
    public int? HeadSize { get; init; }

    /// <summary>See <see cref="DecoderShape.QueryKeyNorm"/>.</summary>
    public bool QueryKeyNorm { get; init; }

    /// <summary>Name and default of what is added in norms.</summary>
    public (string Name, double Value) Epsilon { get; init; } = ("rms_norm_eps", 1e-6);

    /// <summary>Name and default of the feed-forward layer's function.</summary>
    public (string Name, string Value) Activation { get; init; } = ("hidden_act", "silu");

    /// <summary>Whether other functions than the default are known for it.</summary>
    public bool AnyActivation { get; init; }

    /// <summary>Share of a head that is rotated where config.json does not say.</summary>
    public double RotatedShare { get; init; } = 1;

    /// <summary>Default of tie_word_embeddings.</summary>
    public bool TiedHead { get; init; }

    /// <summary>Adds to the shape what only this family has; refuses what it asks for and the graph has not.</summary>
    public Func<ConfigFields, DecoderShape, DecoderShape> Refine { get; init; } = static (_, shape) => shape;

    /// <summary>Its weights under the names and in the form that the graph asks for.</summary>
    public Func<IDecoderWeights, DecoderShape, IDecoderWeights> Weights { get; init; } = static (files, _) => files;

    private const int MistralWindow = 4096;
    private const int QwenFirstWindowedLayer = 28;

    private static readonly Family[] s_llama =
    [
        new("LlamaForCausalLM", "llama", 2048, null, false),
        new("MistralForCausalLM", "mistral", 131072, 8, false),
        new("Qwen2ForCausalLM", "qwen2", 32768, null, true),
        new("Qwen3ForCausalLM", "qwen3", 32768, null, false) { HeadSize = 128, QueryKeyNorm = true },
        new("Phi3ForCausalLM", "phi3", 4096, null, false)
        {
            Weights = static (files, shape) => new FusedWeights(files, shape),
        },
    ];

    public static Family Of(ConfigFields config)
    {
        var architecture = config.Texts("architectures") is [var first, ..] ? first : null;
        Family[] all = [.. s_llama, .. OtherFamilies.All];
        return Array.Find(all, family => family.Architecture == architecture)
            ?? throw config.Wrong(
                "architectures",
                architecture is null ? "missing" : $"'{architecture}'",
                $"supported are {string.Join(", ", all.Select(family => family.Architecture))}");
    }

    /// <summary>Sliding windows per layer; empty when no layer has one.</summary>
    public IReadOnlyList<int?> Windows(ConfigFields config, int layers)
    {
        var window = Window(config);
        if (window is null)
        {
            return [];
        }

        var kinds = config.Texts("layer_types");
        if (kinds.Count > 0 && kinds.Count != layers)
        {
            throw config.Wrong(
                "layer_types", $"a list of {kinds.Count}", $"it must have one entry per layer ({layers})");
        }

        return
        [
            .. Enumerable.Range(0, layers).Select(layer =>
                (kinds.Count > 0 ? kinds[layer] == "sliding_attention" : HasWindow(config, layer)) ? window : null),
        ];
    }

    private bool HasWindow(ConfigFields config, int layer) => ModelType switch
    {
        "qwen2" or "qwen3" => layer >= (int)(config.Number("max_window_layers") ?? QwenFirstWindowedLayer),
        "gemma2" => layer % 2 == 0,
        "gemma3_text" => (layer + 1) % config.Positive("sliding_window_pattern", 6) != 0,
        _ => true,
    };

    private int? Window(ConfigFields config)
    {
        var applies = ModelType switch
        {
            "mistral" or "gemma2" or "gemma3_text" => true,
            "phi3" => config.Has("sliding_window"),
            "qwen2" or "qwen3" => config.Flag("use_sliding_window", false),
            _ => false,
        };
        if (!applies)
        {
            return null;
        }

        return config.Has("sliding_window")
            ? config.Positive("sliding_window")
            : config.Mentions("sliding_window") ? null : MistralWindow;
    }
}
