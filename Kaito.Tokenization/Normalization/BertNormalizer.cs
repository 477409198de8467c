using System.Globalization;
using System.Text;

namespace Kaito.Tokenization.Normalization;

/// <summary>The clean-up of BERT: control characters, spaces around Chinese characters, accents, case.</summary>
internal sealed class BertNormalizer(
    bool cleanText,
    bool spaceChinese,
    bool stripAccents,
    bool lowercase) : Normalizer
{
    private static readonly (int First, int Last)[] s_chinese =
    [
        (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
        (0x2B920, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
    ];

    public override string Normalize(string text)
    {
        var result = new StringBuilder(text.Length);
        Span<char> units = stackalloc char[2];
        foreach (var rune in text.EnumerateRunes())
        {
            if (cleanText && IsControl(rune))
            {
                continue;
            }

            var spaced = spaceChinese && Array.Exists(s_chinese, range =>
                rune.Value >= range.First && rune.Value <= range.Last);
            var kept = cleanText && Rune.IsWhiteSpace(rune) ? new(' ') : rune;
            result.Append(spaced ? " " : "").Append(units[..kept.EncodeToUtf16(units)]).Append(spaced ? " " : "");
        }

        var cleaned = result.ToString();
        var plain = stripAccents
            ? Accents.RemoveNonSpacing(UnicodeForms.Decompose(cleaned, compatible: false))
            : cleaned;
        return lowercase ? LetterCase.Lower(plain) : plain;
    }

    // Code points that no version of Unicode known to the runtime assigns stay, as in the reference implementation.
    private static bool IsControl(Rune rune) => rune.Value switch
    {
        '\t' or '\n' or '\r' => false,
        0 or 0xFFFD => true,
        _ => Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format
            or UnicodeCategory.PrivateUse,
    };
}
