using System.Collections.Frozen;
using Kaito.Tokenization.Models;

namespace Kaito.Tokenization.Loading;

/// <summary>Reads <c>model</c> of type WordPiece.</summary>
internal static class WordPieceLoader
{
    public static TokenModel Load(JsonField model, FrozenDictionary<string, int> vocabulary, FrozenSet<int> special)
    {
        var unknown = model["unk_token"].OptionalText() ?? "[UNK]";
        var settings = new WordPieceSettings
        {
            Vocabulary = vocabulary,
            Unknown = vocabulary.TryGetValue(unknown, out var id)
                ? id
                : throw model["unk_token"].Invalid($"the token '{unknown}' is not in the vocabulary"),
            ContinuingPrefix = model["continuing_subword_prefix"].OptionalText() ?? "##",
            LongestWord = model["max_input_chars_per_word"].Number(100) is > 0 and var longest
                ? longest
                : throw model["max_input_chars_per_word"].Invalid("a number above 0 is expected"),
        };
        return new WordPieceModel(settings, special);
    }
}
