using Kaito.Tokenization.PostProcessing;

namespace Kaito.Tokenization.Loading;

/// <summary>Reads <c>post_processor</c>: which ids go around a single text.</summary>
internal static class FrameLoader
{
    public static TextFrame Load(JsonField field)
    {
        if (field.IsNull)
        {
            return TextFrame.None;
        }

        var kind = field["type"].Text();
        return kind switch
        {
            "Sequence" => field["processors"].Items().Select(Load)
                .Aggregate(TextFrame.None, static (inner, outer) => inner.Within(outer)),
            "ByteLevel" => TextFrame.None,
            "TemplateProcessing" => Template(field),
            "BertProcessing" or "RobertaProcessing" => new([Id(field["cls"])], [Id(field["sep"])]),
            _ => throw field["type"].Unsupported(kind),
        };
    }

    private static TextFrame Template(JsonField field)
    {
        var (before, after) = (new List<int>(), new List<int>());
        var seen = false;
        foreach (var item in field["single"].Items())
        {
            if (item.Has("Sequence"))
            {
                seen = !seen ? true : throw item.Invalid("the text may stand only once");
                continue;
            }

            var name = item["SpecialToken"]["id"].Text();
            var ids = field["special_tokens"][name]["ids"].Items().Select(static id => id.Number());
            (seen ? after : before).AddRange(ids);
        }

        return seen ? new(before, after) : throw field["single"].Invalid("it has no place for the text");
    }

    // ["[SEP]", 102]
    private static int Id(JsonField field) => field.Items().ElementAtOrDefault(1).Number();
}
