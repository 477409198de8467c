using System.Collections.Frozen;
using Kaito.Tokenization.Models;

namespace Kaito.Tokenization.Loading;

/// <summary>Reads <c>model</c>: its vocabulary first, because added tokens get their ids from it.</summary>
internal static class ModelLoader
{
    /// <summary>The pieces and their ids.</summary>
    public static FrozenDictionary<string, int> Vocabulary(JsonField model)
    {
        var vocabulary = Kind(model) == "Unigram" ? UnigramLoader.Vocabulary(model) : Named(model["vocab"]);
        return vocabulary.Count > 0 ? vocabulary : throw model["vocab"].Invalid("it is empty");
    }

    public static TokenModel Load(JsonField model, FrozenDictionary<string, int> vocabulary, FrozenSet<int> special) =>
        Kind(model) switch
        {
            "BPE" => BpeLoader.Load(model, vocabulary, special),
            "Unigram" => UnigramLoader.Load(model, vocabulary, special),
            "WordPiece" => WordPieceLoader.Load(model, vocabulary, special),
            var kind => throw model["type"].Unsupported(kind),
        };

    private static FrozenDictionary<string, int> Named(JsonField field)
    {
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (name, id) in field.Members())
        {
            vocabulary[name] = id.Number() is >= 0 and var number ? number : throw id.Invalid("an id is 0 or more");
        }

        return vocabulary.ToFrozenDictionary(StringComparer.Ordinal);
    }

    // Old files have no type; what they carry tells it.
    private static string Kind(JsonField model) => model["type"].OptionalText() switch
    {
        { } kind => kind,
        null when model.Has("merges") => "BPE",
        null when model.Has("unk_id") => "Unigram",
        null when model.Has("continuing_subword_prefix") => "WordPiece",
        null => "WordLevel",
    };
}
