using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kaito.InferenceHost.Engine;

/// <summary>
/// What the model's author says about generating, checked; null where generation_config.json is silent.
/// </summary>
/// <param name="Temperature">0 to 2.</param>
/// <param name="TopP">Above 0 to 1.</param>
/// <param name="TopK">-1 or more; 0 and -1 are off.</param>
/// <param name="MinP">0 to 1.</param>
/// <param name="RepetitionPenalty">Above 0.</param>
/// <param name="MaxNewTokens">At least 1.</param>
/// <param name="EosTokens">Tokens that end a sequence; may be empty.</param>
internal sealed record GenerationConfig(
    double? Temperature,
    double? TopP,
    int? TopK,
    double? MinP,
    double? RepetitionPenalty,
    int? MaxNewTokens,
    ImmutableArray<int> EosTokens)
{
    public const string FileName = "generation_config.json";

    public static GenerationConfig None { get; } = new(null, null, null, null, null, null, []);

    /// <summary>Reads the file of a model folder; a folder without one is fine.</summary>
    /// <exception cref="ModelFolderException">A field is wrong; the message names it.</exception>
    public static GenerationConfig Read(string folder)
    {
        var file = Path.Combine(folder, FileName);
        if (!File.Exists(file))
        {
            return None;
        }

        const string Remedy = "take the file that was published with the model";
        var wire = ConfigFile.Read(file, GenerationConfigJson.Default.GenerationConfigWire, Remedy);
        var check = new FieldCheck(file, Remedy);
        return new(
            check.Within(wire.Temperature, "temperature", 0, 2),
            check.Within(wire.TopP, "top_p", double.Epsilon, 1),
            (int?)check.Within(wire.TopK, "top_k", -1, int.MaxValue),
            check.Within(wire.MinP, "min_p", 0, 1),
            check.Within(wire.RepetitionPenalty, "repetition_penalty", double.Epsilon, 100),
            (int?)check.Within(wire.MaxNewTokens, "max_new_tokens", 1, int.MaxValue),
            check.TokenIds(wire.EosTokenId, "eos_token_id"));
    }
}

internal sealed record GenerationConfigWire(
    double? Temperature,
    double? TopP,
    int? TopK,
    double? MinP,
    double? RepetitionPenalty,
    int? MaxNewTokens,
    JsonElement EosTokenId);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(GenerationConfigWire))]
internal sealed partial class GenerationConfigJson : JsonSerializerContext;
