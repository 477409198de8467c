using System.Text.Json;
using System.Text.Json.Serialization;
using Kaito.Tokenization;

namespace Kaito.Tests.Tokenization;

/// <summary>
/// Tokenizers trained on made-up text and what the reference implementation does with 243 hard strings.
/// </summary>
internal static partial class TokenizerGolden
{
    public static string Folder(string kind) => Repository.Path("Kaito.Tests", "Tokenization", "Golden", kind);

    public static Tokenizer Load(string kind) => Tokenizer.Load(Folder(kind));

    public static IReadOnlyList<Case> Cases(string kind) => JsonSerializer.Deserialize(
        File.ReadAllBytes(Path.Combine(Folder(kind), "golden.json")), GoldenJson.Default.ListCase)!;

    internal sealed record Case(
        string Text,
        int[] Ids,
        [property: JsonPropertyName("ids_special")] int[] IdsSpecial,
        string Decoded,
        [property: JsonPropertyName("decoded_skip")] string DecodedSkip);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
    [JsonSerializable(typeof(List<Case>))]
    private sealed partial class GoldenJson : JsonSerializerContext;
}
