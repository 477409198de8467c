using System.Collections.Immutable;

namespace Kaito.Core.Catalog;

/// <summary>What is known of a model without downloading it: where it is, how large it is, how it is run.</summary>
public sealed record ModelPreset
{
    /// <summary>
    /// Hugging Face repository with its own upper and lower case, e.g. <c>microsoft/Phi-3.5-mini-instruct</c>.
    /// </summary>
    public required string Repository { get; init; }

    /// <summary>Commit that the facts were read from; <see langword="null"/> for the default branch.</summary>
    public string? Revision { get; init; }

    /// <summary>Sum of the weight files.</summary>
    public required ByteSize Weights { get; init; }

    /// <summary>Disk that a node needs for weights and images.</summary>
    public required ByteSize Disk { get; init; }

    /// <summary>The longest prompt plus output that the model was made for, in tokens.</summary>
    public required int ContextTokens { get; init; }

    /// <summary>Width of the residual stream, in elements.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Number of transformer blocks.</summary>
    public required int Layers { get; init; }

    /// <summary>Query heads per layer.</summary>
    public required int AttentionHeads { get; init; }

    /// <summary>Key and value heads per layer.</summary>
    public required int KeyValueHeads { get; init; }

    /// <summary>Elements of a head; <see langword="null"/> where it is hidden size / heads.</summary>
    public int? HeadDim { get; init; }

    /// <summary>
    /// Elements of the compressed key/value of latent attention; <see langword="null"/> for other kinds.
    /// </summary>
    public int? KvLoraRank { get; init; }

    /// <summary>
    /// Elements of the rotated part of a latent-attention key; <see langword="null"/> for most kinds.
    /// </summary>
    public int? RopeHeadDim { get; init; }

    /// <summary>Kind of attention: MHA, GQA, MQA or MLA.</summary>
    public required string Attention { get; init; }

    /// <summary>Key/value cache of one token over all layers, fp16.</summary>
    public required ByteSize BytesPerToken { get; init; }

    /// <summary>Class name in the model's config.json, e.g. <c>Phi3ForCausalLM</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>How the weight files are quantised; <see langword="null"/> for plain bf16.</summary>
    public string? Quantization { get; init; }

    /// <summary>Bits per weight where the quantisation leaves a choice.</summary>
    public int? QuantizationBits { get; init; }

    /// <summary>vLLM's <c>--dtype</c>.</summary>
    public string Dtype { get; init; } = "auto";

    /// <summary>vLLM's <c>--tool-call-parser</c>; <see langword="null"/> for none.</summary>
    public string? ToolParser { get; init; }

    /// <summary>vLLM's <c>--reasoning-parser</c>; <see langword="null"/> for none.</summary>
    public string? ReasoningParser { get; init; }

    /// <summary>
    /// Middle part of the chat template file of upstream's image, e.g. <c>hermes</c>; <see langword="null"/> for the
    /// model's own.
    /// </summary>
    public string? ChatTemplate { get; init; }

    /// <summary>vLLM's <c>--load-format</c>.</summary>
    public string LoadFormat { get; init; } = "auto";

    /// <summary>vLLM's <c>--config-format</c>.</summary>
    public string ConfigFormat { get; init; } = "auto";

    /// <summary>vLLM's <c>--tokenizer-mode</c>.</summary>
    public string TokenizerMode { get; init; } = "auto";

    /// <summary>Further vLLM flags by name, without dashes; an empty value is a switch.</summary>
    public ImmutableSortedDictionary<string, string> VllmArguments { get; init; } =
        ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>SPDX-like identifier of the weights' licence.</summary>
    public required string License { get; init; }

    /// <summary>Failures of the start-up probe before the pod is restarted.</summary>
    public required int StartupFailureThreshold { get; init; }

    /// <summary>The repository asks for an access token.</summary>
    public bool Gated { get; init; }

    /// <summary>
    /// Flags of upstream's transformers server by name, without dashes; an empty value is a switch, and
    /// <see langword="null"/> where that server does not run the model.
    /// </summary>
    public ImmutableSortedDictionary<string, string>? TransformersArguments { get; init; }

    /// <summary>
    /// Name and tag of upstream's image with the weights that its tuner reads; <see langword="null"/> where it does not tune
    /// the model.
    /// </summary>
    public string? TuningWeights { get; init; }

    /// <summary>A preset of KAITO 0.4 that 0.12 has no more; kept so that old manifests work.</summary>
    public bool Legacy { get; init; }

    /// <summary>
    /// <see langword="false"/> until somebody has looked the repository up: then only <see cref="Repository"/> means
    /// anything.
    /// </summary>
    public bool Known { get; init; } = true;

    /// <summary>A repository of which nothing is known yet.</summary>
    public static ModelPreset Unknown(string repository) => new()
    {
        Repository = repository,
        Known = false,
        Weights = default,
        Disk = default,
        ContextTokens = 0,
        HiddenSize = 0,
        Layers = 0,
        AttentionHeads = 0,
        KeyValueHeads = 0,
        Attention = "",
        BytesPerToken = default,
        Architecture = "",
        License = "",
        StartupFailureThreshold = 0,
    };

    /// <summary>Upstream's name of the model: the last part of the repository, in lower case.</summary>
    public string Name => Repository[(Repository.LastIndexOf('/') + 1)..].ToLowerInvariant();
}
