namespace Kaito.Tokenization.Decoding;

/// <summary>Removes the spaces that joining English word pieces leaves before punctuation and contractions.</summary>
internal static class WordPieceCleanup
{
    private static readonly (string Found, string Replacement)[] s_rules =
    [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
        (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ];

    public static string Apply(string text) => s_rules.Aggregate(
        text, static (current, rule) => current.Replace(rule.Found, rule.Replacement, StringComparison.Ordinal));
}
