using System.Collections.Frozen;
using System.Text.Json;
using Kaito.Tokenization.Models;

namespace Kaito.Tokenization.Loading;

/// <summary>Reads <c>model</c> of type BPE: vocabulary, merges in either spelling, flags.</summary>
internal static class BpeLoader
{
    public static TokenModel Load(JsonField model, FrozenDictionary<string, int> vocabulary, FrozenSet<int> special)
    {
        var unknown = model["unk_token"].OptionalText();
        var settings = new BpeSettings
        {
            Vocabulary = vocabulary,
            Unknown = unknown is null ? null : Id(vocabulary, unknown, model["unk_token"]),
            FuseUnknown = model["fuse_unk"].Flag(false),
            ByteFallback = model["byte_fallback"].Flag(false),
            IgnoreMerges = model["ignore_merges"].Flag(false),
            ContinuingPrefix = NullIfEmpty(model["continuing_subword_prefix"].OptionalText()),
            EndSuffix = NullIfEmpty(model["end_of_word_suffix"].OptionalText()),
        };
        return new BpeModel(settings, Merges(model["merges"], settings), special);
    }

    private static FrozenDictionary<(int Left, int Right), BpeMerge> Merges(JsonField field, BpeSettings settings)
    {
        var merges = new Dictionary<(int Left, int Right), BpeMerge>();
        var prefix = settings.ContinuingPrefix ?? "";
        var rank = 0;
        foreach (var item in field.Items())
        {
            if (item.IsText && item.Text().StartsWith("#version", StringComparison.Ordinal))
            {
                continue;
            }

            var (left, right) = Pair(item);
            var tail = right.StartsWith(prefix, StringComparison.Ordinal) ? right[prefix.Length..] : right;
            var pair = (Id(settings.Vocabulary, left, item), Id(settings.Vocabulary, right, item));
            merges[pair] = new(rank++, Id(settings.Vocabulary, left + tail, item));
        }

        return merges.ToFrozenDictionary();
    }

    // "a b" or ["a", "b"]; the second form is for tokens that contain a space.
    private static (string Left, string Right) Pair(JsonField item)
    {
        var parts = item.Value.ValueKind == JsonValueKind.Array
            ? [.. item.Items().Select(static part => part.Text())]
            : item.Text().Split(' ');
        return parts.Length == 2 ? (parts[0], parts[1]) : throw item.Invalid("a merge is two tokens");
    }

    private static int Id(FrozenDictionary<string, int> vocabulary, string token, JsonField field) =>
        vocabulary.TryGetValue(token, out var id)
            ? id
            : throw field.Invalid($"the token '{token}' is not in the vocabulary");

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
