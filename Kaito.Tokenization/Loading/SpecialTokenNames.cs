namespace Kaito.Tokenization.Loading;

/// <summary>The named special tokens of tokenizer_config.json and special_tokens_map.json.</summary>
internal static class SpecialTokenNames
{
    private static readonly string[] s_names =
        ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    private static readonly string[] s_lists = ["additional_special_tokens", "extra_special_tokens"];

    /// <summary>
    /// Name to spelling, e.g. <c>bos_token</c> to <c>&lt;s&gt;</c>; names without a value are left out.
    /// </summary>
    public static IEnumerable<KeyValuePair<string, string>> Named(JsonField config)
    {
        foreach (var name in s_names)
        {
            if (config.IsObject && Content(config[name]) is { } content)
            {
                yield return new(name, content);
            }
        }
    }

    /// <summary>All spellings, also those without a name.</summary>
    public static IEnumerable<string> All(JsonField config)
    {
        var further = s_lists
            .Select(name => config[name])
            .Where(static field => !field.IsNull)
            .SelectMany(static field => field.IsObject
                ? field.Members().Select(static member => Content(member.Value))
                : field.Items().Select(Content))
            .OfType<string>();
        return Named(config).Select(static entry => entry.Value).Concat(further);
    }

    // "<s>" or {"content": "<s>", …}
    private static string? Content(JsonField field) =>
        field.IsObject ? field["content"].Text() : field.OptionalText();
}
