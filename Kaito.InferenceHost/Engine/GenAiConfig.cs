using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kaito.InferenceHost.Engine;

/// <summary>genai_config.json as its writer left it; <see cref="ModelFolder"/> is the checked form.</summary>
internal sealed record GenAiConfig(GenAiModel? Model, GenAiSearch? Search);

internal sealed record GenAiModel(
    string? Type,
    int? ContextLength,
    int? VocabSize,
    int? BosTokenId,
    int? PadTokenId,
    JsonElement EosTokenId,
    GenAiDecoder? Decoder);

internal sealed record GenAiDecoder(
    string? Filename,
    int? NumHiddenLayers,
    int? NumKeyValueHeads,
    int? HeadSize,
    GenAiInputs? Inputs,
    GenAiOutputs? Outputs)
{
    public static string LayerName(string pattern, int layer) =>
        pattern.Replace("%d", $"{layer}", StringComparison.Ordinal);
}

/// <summary>Names of the decoder's inputs; <c>%d</c> stands for the layer.</summary>
internal sealed record GenAiInputs(
    string InputIds = "input_ids",
    string AttentionMask = "attention_mask",
    string PositionIds = "position_ids",
    string PastKeyNames = "past_key_values.%d.key",
    string PastValueNames = "past_key_values.%d.value")
{
    public string PastKey(int layer) => GenAiDecoder.LayerName(PastKeyNames, layer);

    public string PastValue(int layer) => GenAiDecoder.LayerName(PastValueNames, layer);
}

/// <summary>Names of the decoder's outputs; <c>%d</c> stands for the layer.</summary>
internal sealed record GenAiOutputs(
    string Logits = "logits",
    string PresentKeyNames = "present.%d.key",
    string PresentValueNames = "present.%d.value")
{
    public string PresentKey(int layer) => GenAiDecoder.LayerName(PresentKeyNames, layer);

    public string PresentValue(int layer) => GenAiDecoder.LayerName(PresentValueNames, layer);
}

internal sealed record GenAiSearch(
    bool? DoSample,
    double? Temperature,
    double? TopP,
    int? TopK,
    double? RepetitionPenalty,
    int? MaxLength);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(GenAiConfig))]
internal sealed partial class GenAiConfigJson : JsonSerializerContext;
