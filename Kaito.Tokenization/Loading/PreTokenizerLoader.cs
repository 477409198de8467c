using Kaito.Tokenization.Patterns;
using Kaito.Tokenization.PreTokenization;

namespace Kaito.Tokenization.Loading;

/// <summary>Reads <c>pre_tokenizer</c>.</summary>
internal static class PreTokenizerLoader
{
    private const string Punctuation = @"[!-/:-@\[-`{-~\p{P}]";

    public static PreTokenizer Load(JsonField field)
    {
        if (field.IsNull)
        {
            return new PreTokenizerSequence([]);
        }

        var kind = field["type"].Text();
        return kind switch
        {
            "Sequence" => new PreTokenizerSequence([.. field["pretokenizers"].Items().Select(Load)]),
            "ByteLevel" => new ByteLevelPreTokenizer(
                field["add_prefix_space"].Flag(true), field["use_regex"].Flag(true)),
            "Split" => new SplitPreTokenizer(
                PatternLoader.Load(field["pattern"]), Behavior(field["behavior"]), field["invert"].Flag(false)),
            "Metaspace" => Metaspace(field),
            "Digits" => Split(
                @"\p{N}", field["individual_digits"].Flag(false) ? SplitBehavior.Isolated : SplitBehavior.Contiguous),
            "Punctuation" => Split(
                Punctuation, field["behavior"].IsNull ? SplitBehavior.Isolated : Behavior(field["behavior"])),
            "BertPreTokenizer" => new PreTokenizerSequence(
                [Split(@"\s", SplitBehavior.Removed), Split(Punctuation, SplitBehavior.Isolated)]),
            "Whitespace" => Split(@"\w+|[^\w\s]+", SplitBehavior.Removed, invert: true),
            "WhitespaceSplit" => Split(@"\s", SplitBehavior.Removed),
            "CharDelimiterSplit" => new SplitPreTokenizer(
                PatternMatcher.Literal(field["delimiter"].Text()), SplitBehavior.Removed, invert: false),
            _ => throw field["type"].Unsupported(kind),
        };
    }

    public static PrependScheme Scheme(JsonField field)
    {
        if (!field["add_prefix_space"].Flag(true))
        {
            return PrependScheme.Never;
        }

        return field["prepend_scheme"].OptionalText() switch
        {
            null or "always" => PrependScheme.Always,
            "first" => PrependScheme.First,
            "never" => PrependScheme.Never,
            _ => throw field["prepend_scheme"].Invalid("always, first or never is expected"),
        };
    }

    public static char Replacement(JsonField field) => field["replacement"].OptionalText() switch
    {
        null => '▁',
        { Length: 1 } text => text[0],
        _ => throw field["replacement"].Invalid("one character is expected"),
    };

    private static MetaspacePreTokenizer Metaspace(JsonField field) =>
        new(Replacement(field), Scheme(field), field["split"].Flag(true));

    private static SplitPreTokenizer Split(string pattern, SplitBehavior behavior, bool invert = false) =>
        new(PatternMatcher.Parse(pattern), behavior, invert);

    private static SplitBehavior Behavior(JsonField field) =>
        Enum.TryParse<SplitBehavior>(field.Text(), ignoreCase: true, out var behavior)
            ? behavior
            : throw field.Invalid("a split behavior is expected, e.g. Isolated");
}
