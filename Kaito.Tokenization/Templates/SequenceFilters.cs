namespace Kaito.Tokenization.Templates;

/// <summary>The filters on sequences and mappings.</summary>
internal static class SequenceFilters
{
    public static Dictionary<string, Func<object?, CallArguments, object?>> All { get; } = new(StringComparer.Ordinal)
    {
        ["length"] = static (value, _) => Length(value),
        ["count"] = static (value, _) => Length(value),
        ["list"] = static (value, _) => Items(value).ToList(),
        ["first"] = static (value, _) => Items(value) is [var first, ..] ? first : Undefined.Name("first"),
        ["last"] = static (value, _) => Items(value) is [.., var last] ? last : Undefined.Name("last"),
        ["join"] = static (value, arguments) => Join(value, arguments),
        ["items"] = static (value, _) => value is Undefined ? new List<object?>()
            : value is TemplateDict dict ? TemplateMethods.Pairs(dict)
            : throw new TemplateError("TypeError: Can only get item pairs from a mapping."),
        ["dictsort"] = static (value, arguments) => DictSort(value, arguments),
        ["map"] = static (value, arguments) => Map(value, arguments),
        ["select"] = static (value, arguments) => Select(value, arguments, true),
        ["reject"] = static (value, arguments) => Select(value, arguments, false),
        ["selectattr"] = static (value, arguments) => SelectAttribute(value, arguments, true),
        ["rejectattr"] = static (value, arguments) => SelectAttribute(value, arguments, false),
        ["sort"] = static (value, arguments) => Sort(value, arguments),
        ["unique"] = static (value, arguments) => Unique(value, arguments),
        ["reverse"] = static (value, _) => value is TemplateText text
            ? TemplateText.Concat(text.Characters().AsEnumerable().Reverse())
            : Items(value).AsEnumerable().Reverse().ToList(),
        ["sum"] = static (value, arguments) => Attributes(value, arguments, 0).Aggregate(
            arguments.Get(1, "start", 0L), static (sum, item) => TemplateOperators.Binary("+", sum, item)),
        ["min"] = static (value, _) => Ordered(Items(value)).FirstOrDefault(Undefined.Name("min")),
        ["max"] = static (value, _) => Ordered(Items(value)).LastOrDefault(Undefined.Name("max")),
        ["batch"] = static (value, arguments) => Items(value)
            .Chunk((int)Math.Clamp(TemplateOperators.Whole(arguments.Get(0, "linecount")), 1, 100_000))
            .Select(static chunk => (object?)chunk.ToList()).ToList(),
    };

    private static Comparer<object?> ByValue { get; } = Comparer<object?>.Create(TemplateOperators.Compare);

    private static List<object?> Items(object? value) => TemplateOperators.Items(value);

    private static long Length(object? value) => value switch
    {
        TemplateText text => text.Count(),
        Undefined => 0,
        List<object?> list => list.Count,
        TemplateDict dict => dict.Keys.Count,
        _ => throw new TemplateError($"TypeError: object of type '{TemplateOperators.TypeName(value)}' has no len()"),
    };

    private static IEnumerable<object?> Ordered(List<object?> items) => items.Order(ByValue);

    private static TemplateText Join(object? value, CallArguments arguments) =>
        TemplatePrinter.Text(arguments.Get(0, "d", TemplateText.Empty))
            .Join(Attributes(value, arguments, 1).Select(TemplatePrinter.Text));

    // a.b looks into members of members.
    private static object? Attribute(object? item, object? path) => path is TemplateText text
        ? text.Split(".").Aggregate(item, static (value, name) => TemplateMembers.Get(value, name, dotted: false))
        : TemplateMembers.Get(item, path, dotted: false);

    private static IEnumerable<object?> Attributes(object? value, CallArguments arguments, int index) =>
        arguments.Get(index, "attribute") is { } path
            ? Items(value).Select(item => Attribute(item, path))
            : Items(value);

    private static List<object?> Map(object? value, CallArguments arguments)
    {
        if (arguments.Named.TryGetValue("attribute", out var path))
        {
            return [.. Items(value).Select(item => Attribute(item, path) is Undefined
                && arguments.Named.TryGetValue("default", out var missing) ? missing : Attribute(item, path))];
        }

        var name = TemplatePrinter.Text(arguments.Get(0, "filter")).Value;
        return [.. Items(value).Select(item => TemplateFilters.Apply(name, item, arguments.After(1)))];
    }

    private static bool Holds(object? value, CallArguments arguments) => arguments.Positional.Count == 0
        ? TemplateOperators.Truth(value)
        : TemplateTests.Holds(TemplatePrinter.Text(arguments.Positional[0]).Value, value, arguments.After(1));

    private static List<object?> Select(object? value, CallArguments arguments, bool wanted) =>
        [.. Items(value).Where(item => Holds(item, arguments) == wanted)];

    private static List<object?> SelectAttribute(object? value, CallArguments arguments, bool wanted) =>
        [.. Items(value).Where(item => Holds(Attribute(item, arguments.Get(0, "attr")), arguments.After(1)) == wanted)];

    private static object? Folded(object? value, bool caseSensitive) => value is TemplateText text && !caseSensitive
        ? text.Map(static part => part.ToLowerInvariant())
        : value;

    private static List<object?> Sort(object? value, CallArguments arguments)
    {
        var sensitive = TemplateOperators.Truth(arguments.Get(1, "case_sensitive", false));
        var path = arguments.Get(2, "attribute");
        object? Key(object? item) => Folded(path is null ? item : Attribute(item, path), sensitive);
        return TemplateOperators.Truth(arguments.Get(0, "reverse", false))
            ? [.. Items(value).OrderByDescending(Key, ByValue)]
            : [.. Items(value).OrderBy(Key, ByValue)];
    }

    private static List<object?> Unique(object? value, CallArguments arguments)
    {
        var sensitive = TemplateOperators.Truth(arguments.Get(0, "case_sensitive", false));
        var path = arguments.Get(1, "attribute");
        var seen = new TemplateDict();
        var kept = new List<object?>();
        foreach (var item in Items(value))
        {
            var key = Folded(path is null ? item : Attribute(item, path), sensitive);
            if (!seen.TryGet(key, out _))
            {
                seen[key] = true;
                kept.Add(item);
            }
        }

        return kept;
    }

    private static List<object?> DictSort(object? value, CallArguments arguments)
    {
        if (value is not TemplateDict dict)
        {
            throw new TemplateError("TypeError: dictsort needs a mapping");
        }

        var sensitive = TemplateOperators.Truth(arguments.Get(0, "case_sensitive", false));
        var byValue = TemplatePrinter.Text(arguments.Get(1, "by", TemplateText.Of("key"))).Value == "value";
        object? Key(object? pair) => Folded(((TemplateTuple)pair!)[byValue ? 1 : 0], sensitive);
        return TemplateOperators.Truth(arguments.Get(2, "reverse", false))
            ? [.. TemplateMethods.Pairs(dict).OrderByDescending(Key, ByValue)]
            : [.. TemplateMethods.Pairs(dict).OrderBy(Key, ByValue)];
    }
}
