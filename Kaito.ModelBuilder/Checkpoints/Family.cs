using Kaito.ModelBuilder.Decoder;

namespace Kaito.ModelBuilder.Checkpoints;

/// <summary>How one architecture of the llama family differs from the others where config.json is silent.</summary>
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

    /// <summary>Projections are kept together, see <see cref="FusedWeights"/>.</summary>
    public bool Fused { get; init; }

    private const int MistralWindow = 4096;
    private const int QwenFirstWindowedLayer = 28;

    private static readonly Family[] s_all =
    [
        new("LlamaForCausalLM", "llama", 2048, null, false),
        new("MistralForCausalLM", "mistral", 131072, 8, false),
        new("Qwen2ForCausalLM", "qwen2", 32768, null, true),
        new("Qwen3ForCausalLM", "qwen3", 32768, null, false) { HeadSize = 128, QueryKeyNorm = true },
        new("Phi3ForCausalLM", "phi3", 4096, null, false) { Fused = true },
    ];

    public static Family Of(ConfigFields config)
    {
        var architecture = config.Texts("architectures") is [var first, ..] ? first : null;
        return Array.Find(s_all, family => family.Architecture == architecture)
            ?? throw config.Wrong(
                "architectures",
                architecture is null ? "missing" : $"'{architecture}'",
                $"supported are {string.Join(", ", s_all.Select(family => family.Architecture))}");
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

        var first = ModelType is "qwen2" or "qwen3" ? (int)(config.Number("max_window_layers") ?? QwenFirstWindowedLayer) : 0;
        return
        [
            .. Enumerable.Range(0, layers).Select(layer =>
                (kinds.Count > 0 ? kinds[layer] == "sliding_attention" : layer >= first) ? window : null),
        ];
    }

    private int? Window(ConfigFields config)
    {
        var applies = ModelType switch
        {
            "mistral" => true,
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
