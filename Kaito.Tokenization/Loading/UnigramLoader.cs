using System.Collections.Frozen;
using Kaito.Tokenization.Models;

namespace Kaito.Tokenization.Loading;

/// <summary>Reads <c>model</c> of type Unigram: pairs of piece and score, whose places are the ids.</summary>
internal static class UnigramLoader
{
    public static FrozenDictionary<string, int> Vocabulary(JsonField model)
    {
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        var id = 0;
        foreach (var item in model["vocab"].Items())
        {
            var (piece, _) = Entry(item);
            vocabulary[piece] = id++;
        }

        return vocabulary.ToFrozenDictionary(StringComparer.Ordinal);
    }

    public static TokenModel Load(JsonField model, FrozenDictionary<string, int> vocabulary, FrozenSet<int> special)
    {
        double[] scores = [.. model["vocab"].Items().Select(static item => Entry(item).Score)];
        var byteFallback = model["byte_fallback"].Flag(false);
        var settings = new UnigramSettings
        {
            Vocabulary = vocabulary,
            Scores = scores,
            Unknown = Unknown(model["unk_id"], scores.Length),
            ByteFallback = byteFallback,
        };
        return settings.Unknown is null && !byteFallback
            ? throw model["unk_id"].Invalid("it is missing, and there are no byte tokens in its place")
            : new UnigramModel(settings, special);
    }

    private static int? Unknown(JsonField field, int count)
    {
        if (field.IsNull)
        {
            return null;
        }

        return field.Number() is var id && id >= 0 && id < count
            ? id
            : throw field.Invalid($"{id} is not one of the {count} ids");
    }

    private static (string Piece, double Score) Entry(JsonField item) =>
        item.Items().Take(3).ToArray() is [var piece, var score]
            ? (piece.Text(), score.Real())
            : throw item.Invalid("a pair of piece and score is expected");
}
