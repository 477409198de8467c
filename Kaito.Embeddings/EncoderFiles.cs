using System.Text.Json.Serialization;

namespace Kaito.Embeddings;

/// <summary>The members of config.json that matter here.</summary>
internal sealed record EncoderConfigFile(
    string? ModelType,
    int? MaxPositionEmbeddings,
    int? PadTokenId,
    int? VocabSize,
    bool? IsMatryoshka,
    int[]? MatryoshkaDimensions);

/// <summary>One entry of modules.json.</summary>
/// <param name="Type">A class name, such as <c>sentence_transformers.models.Pooling</c>.</param>
/// <param name="Path">Its folder.</param>
internal sealed record SentenceModule(string? Type, string? Path)
{
    public bool Is(string name) => Type is not null
        && (Type == name || Type.EndsWith("." + name, StringComparison.Ordinal));
}

/// <summary>sentence_bert_config.json.</summary>
internal sealed record SentenceConfigFile(int? MaxSeqLength);

/// <summary>The limit in tokenizer_config.json, which may be 1e30.</summary>
internal sealed record TokenizerLimitFile(double? ModelMaxLength);

/// <summary>1_Pooling/config.json: flags, or in newer files one name.</summary>
internal sealed record PoolingFile
{
    public string? PoolingMode { get; init; }

    [JsonPropertyName("pooling_mode_cls_token")]
    public bool ModeClsToken { get; init; }

    [JsonPropertyName("pooling_mode_mean_tokens")]
    public bool ModeMeanTokens { get; init; }

    [JsonPropertyName("pooling_mode_max_tokens")]
    public bool ModeMaxTokens { get; init; }

    [JsonPropertyName("pooling_mode_mean_sqrt_len_tokens")]
    public bool ModeMeanSqrtLenTokens { get; init; }

    [JsonPropertyName("pooling_mode_weightedmean_tokens")]
    public bool ModeWeightedmeanTokens { get; init; }

    [JsonPropertyName("pooling_mode_lasttoken")]
    public bool ModeLasttoken { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(EncoderConfigFile))]
[JsonSerializable(typeof(SentenceModule[]))]
[JsonSerializable(typeof(SentenceConfigFile))]
[JsonSerializable(typeof(TokenizerLimitFile))]
[JsonSerializable(typeof(PoolingFile))]
internal sealed partial class EncoderJson : JsonSerializerContext;
