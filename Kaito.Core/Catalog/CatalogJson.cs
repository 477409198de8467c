using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Kaito.Core.Catalog;

/// <summary>The shape of catalog.json.</summary>
internal sealed record CatalogFile
{
    public required ImmutableArray<CatalogEntry> Models { get; init; }

    public required ImmutableSortedDictionary<string, string> Aliases { get; init; }

    public required ImmutableSortedDictionary<string, string> LegacyAliases { get; init; }
}

/// <summary>One model of catalog.json; sizes are Kubernetes quantities in Gi.</summary>
internal sealed record CatalogEntry(
    string Repository,
    string Weights,
    string Disk,
    int ContextTokens,
    int HiddenSize,
    int Layers,
    int AttentionHeads,
    int KeyValueHeads,
    string Attention,
    long BytesPerToken,
    string Architecture,
    string Dtype,
    string License,
    int StartupFailureThreshold,
    string? Revision = null,
    int? HeadDim = null,
    int? KvLoraRank = null,
    int? RopeHeadDim = null,
    string? Quantization = null,
    int? QuantizationBits = null,
    string? ToolParser = null,
    string? ReasoningParser = null,
    string? ChatTemplate = null,
    string? LoadFormat = null,
    string? ConfigFormat = null,
    string? TokenizerMode = null,
    ImmutableSortedDictionary<string, string>? VllmArguments = null,
    bool Gated = false,
    ImmutableSortedDictionary<string, string>? Transformers = null,
    string? TuningWeights = null,
    bool Legacy = false)
{
    public ModelPreset ToPreset() => new()
    {
        Repository = Repository,
        Revision = Revision,
        Weights = ByteSize.ParseGi(Weights),
        Disk = ByteSize.ParseGi(Disk),
        ContextTokens = ContextTokens,
        HiddenSize = HiddenSize,
        Layers = Layers,
        AttentionHeads = AttentionHeads,
        KeyValueHeads = KeyValueHeads,
        HeadDim = HeadDim,
        KvLoraRank = KvLoraRank,
        RopeHeadDim = RopeHeadDim,
        Attention = Attention,
        BytesPerToken = new(BytesPerToken),
        Architecture = Architecture,
        Quantization = Quantization,
        QuantizationBits = QuantizationBits,
        Dtype = Dtype,
        ToolParser = ToolParser,
        ReasoningParser = ReasoningParser,
        ChatTemplate = ChatTemplate,
        LoadFormat = LoadFormat ?? "auto",
        ConfigFormat = ConfigFormat ?? "auto",
        TokenizerMode = TokenizerMode ?? "auto",
        VllmArguments = VllmArguments ?? ImmutableSortedDictionary<string, string>.Empty,
        License = License,
        StartupFailureThreshold = StartupFailureThreshold,
        Gated = Gated,
        TransformersArguments = Transformers,
        TuningWeights = TuningWeights,
        Legacy = Legacy,
    };
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(CatalogFile))]
[JsonSerializable(typeof(ModelFamilies))]
internal sealed partial class CatalogJson : JsonSerializerContext;
