using Kaito.Tokenization.Normalization;

namespace Kaito.Tokenization.Loading;

/// <summary>Reads <c>normalizer</c>.</summary>
internal static class NormalizerLoader
{
    public static Normalizer Load(JsonField field)
    {
        if (field.IsNull)
        {
            return Normalizer.None;
        }

        var kind = field["type"].Text();
        return kind switch
        {
            "Sequence" => new NormalizerSequence([.. field["normalizers"].Items().Select(Load)]),
            "NFC" or "NFD" or "NFKC" or "NFKD" => new FunctionNormalizer(Form(kind)),
            "Prepend" => new PrependNormalizer(field["prepend"].Text()),
            "Replace" => Replace(field),
            "Lowercase" => new FunctionNormalizer(LetterCase.Lower),
            "Strip" => new StripNormalizer(field["strip_left"].Flag(true), field["strip_right"].Flag(true)),
            "StripAccents" => new FunctionNormalizer(Accents.RemoveAllMarks),
            "BertNormalizer" => Bert(field),
            "Precompiled" => Precompiled(field["precompiled_charsmap"]),
            "Nmt" => new FunctionNormalizer(NmtCleanup.Apply),
            "ByteLevel" => new FunctionNormalizer(static text => PreTokenization.ByteCharacters.FromText(text)),
            _ => throw field["type"].Unsupported(kind),
        };
    }

    private static Func<string, string> Form(string kind) => kind switch
    {
        "NFC" => static text => UnicodeForms.Compose(text, compatible: false),
        "NFD" => static text => UnicodeForms.Decompose(text, compatible: false),
        "NFKC" => static text => UnicodeForms.Compose(text, compatible: true),
        _ => static text => UnicodeForms.Decompose(text, compatible: true),
    };

    private static Normalizer Replace(JsonField field)
    {
        var pattern = field["pattern"];
        var replacement = field["content"].Text();
        return pattern.Has("String") && pattern["String"].Text() is { Length: > 0 } text
            ? new ReplaceNormalizer(text, replacement)
            : new PatternReplaceNormalizer(PatternLoader.Load(pattern), replacement);
    }

    private static Normalizer Precompiled(JsonField field)
    {
        if (field.IsNull)
        {
            return Normalizer.None;
        }

        try
        {
            var bytes = Convert.FromBase64String(field.Text());
            return bytes.Length == 0 ? Normalizer.None : new CharacterMapNormalizer(CharacterMap.Read(bytes));
        }
        catch (FormatException e)
        {
            throw field.Invalid($"it is no character map: {e.Message}");
        }
    }

    private static BertNormalizer Bert(JsonField field)
    {
        var lower = field["lowercase"].Flag(true);
        return new(
            cleanText: field["clean_text"].Flag(true),
            spaceChinese: field["handle_chinese_chars"].Flag(true),
            stripAccents: field["strip_accents"].Flag(lower),
            lowercase: lower);
    }
}
