using Kaito.Tokenization.Decoding;
using Kaito.Tokenization.PreTokenization;

namespace Kaito.Tokenization.Loading;

/// <summary>Reads <c>decoder</c>.</summary>
internal static class DecoderLoader
{
    public static DecoderPlan Load(JsonField field)
    {
        if (field.IsNull)
        {
            return new([static () => new RewriteStep(static (token, first) => first ? token : $" {token}")])
            {
                ByteLevel = false,
                ByteFallback = false,
            };
        }

        var steps = new List<Func<DecodeStep>>();
        var fused = false;
        var kinds = new HashSet<string>();
        foreach (var part in Flatten(field))
        {
            var kind = part["type"].Text();
            kinds.Add(kind);
            if (kind == "Fuse")
            {
                fused = true;
                continue;
            }

            steps.Add(Step(part, kind, fused));
            fused |= kind == "ByteLevel";
        }

        return new(steps)
        {
            ByteLevel = kinds.Contains("ByteLevel"),
            ByteFallback = kinds.Contains("ByteFallback"),
        };
    }

    private static IEnumerable<JsonField> Flatten(JsonField field) => field["type"].Text() == "Sequence"
        ? field["decoders"].Items().SelectMany(Flatten)
        : [field];

    // After Fuse a step sees the whole text as one token.
    private static Func<DecodeStep> Step(JsonField field, string kind, bool fused) => kind switch
    {
        "ByteLevel" => static () => new ByteLevelStep(),
        "ByteFallback" => fused ? throw field.Invalid("it cannot follow Fuse") : static () => new ByteFallbackStep(),
        "Replace" => Rewrite(Replace(field), fused && !SingleCharacter(field)),
        "Strip" => Strip(field, fused),
        "Metaspace" => Metaspace(field),
        "WordPiece" => WordPiece(field),
        "BPEDecoder" => WordEnd(field),
        _ => throw field["type"].Unsupported(kind),
    };

    private static Func<DecodeStep> Rewrite(Func<string, string> rewrite, bool whole) => whole
        ? () => new WholeTextStep(rewrite)
        : () => new RewriteStep((token, _) => rewrite(token));

    private static bool SingleCharacter(JsonField field) =>
        field["pattern"].Has("String") && field["pattern"]["String"].Text().Length == 1;

    private static Func<string, string> Replace(JsonField field)
    {
        var replacement = field["content"].Text();
        if (field["pattern"].Has("String"))
        {
            var found = field["pattern"]["String"].Text();
            return found.Length == 0
                ? static token => token
                : token => token.Replace(found, replacement, StringComparison.Ordinal);
        }

        var pattern = PatternLoader.Load(field["pattern"]);
        return token => pattern.Replace(token, replacement);
    }

    private static Func<DecodeStep> Strip(JsonField field, bool fused)
    {
        var content = field["content"].Text() is { Length: 1 } text
            ? text[0]
            : throw field["content"].Invalid("one character is expected");
        var (start, stop) = (field["start"].Number(0), field["stop"].Number(0));
        return fused
            ? () => new StripWholeStep(content, start, stop)
            : () => new RewriteStep((token, _) => StripToken(token, content, start, stop));
    }

    private static string StripToken(string token, char content, int start, int stop)
    {
        var first = 0;
        while (first < token.Length && first < start && token[first] == content)
        {
            first++;
        }

        var end = token.Length;
        while (end > first && token.Length - end < stop && token[end - 1] == content)
        {
            end--;
        }

        return token[first..end];
    }

    private static Func<DecodeStep> Metaspace(JsonField field)
    {
        var replacement = PreTokenizerLoader.Replacement(field).ToString();
        var drop = PreTokenizerLoader.Scheme(field) != PrependScheme.Never;
        return () => new RewriteStep((token, first) =>
            token.Replace(replacement, first && drop ? "" : " ", StringComparison.Ordinal));
    }

    private static Func<DecodeStep> WordPiece(JsonField field)
    {
        var prefix = field["prefix"].OptionalText() ?? "##";
        var cleanup = field["cleanup"].Flag(true);
        return () => new RewriteStep((token, first) =>
        {
            var text = first ? token
                : token.StartsWith(prefix, StringComparison.Ordinal) ? token[prefix.Length..]
                : $" {token}";
            return cleanup ? WordPieceCleanup.Apply(text) : text;
        });
    }

    private static Func<DecodeStep> WordEnd(JsonField field)
    {
        var suffix = field["suffix"].OptionalText() is { Length: > 0 } text ? text : "</w>";
        return () => new WordEndStep(suffix);
    }
}
