namespace Kaito.Tokenization.Templates;

/// <summary>The methods of texts and mappings. Those that would change a value do not exist.</summary>
internal static class TemplateMethods
{
    public static TemplateFunction? Find(object? value, string name) => value switch
    {
        TemplateText text => OfText(text, name),
        TemplateDict dict => OfDict(dict, name),
        List<object?> list => OfList(list, name),
        _ => null,
    };

    /// <summary>Items and their counterparts as pairs.</summary>
    public static List<object?> Pairs(TemplateDict dict) =>
        [.. dict.Entries.Select(static entry => (object?)new TemplateTuple([entry.Key, entry.Value]))];

    private static TemplateFunction? OfDict(TemplateDict dict, string name) => name switch
    {
        "items" => _ => Pairs(dict),
        "keys" => _ => dict.Keys.ToList(),
        "values" => _ => dict.Entries.Select(static entry => entry.Value).ToList(),
        "get" => arguments => dict.TryGet(arguments.Get(0, "key"), out var value) ? value : arguments.Get(1, "default"),
        "update" or "pop" or "clear" or "setdefault" or "popitem" => _ => throw Immutable(name),
        _ => null,
    };

    private static TemplateFunction? OfList(List<object?> list, string name) => name switch
    {
        "count" => arguments => (long)list.Count(item => TemplateOperators.Same(item, arguments.Get(0, "value"))),
        "index" => arguments => list.FindIndex(item => TemplateOperators.Same(item, arguments.Get(0, "value"))) is >= 0
            and var at ? (long)at : throw new TemplateError("ValueError: the value is not in list"),
        "append" or "extend" or "insert" or "pop" or "remove" or "clear" or "sort" or "reverse" =>
            _ => throw Immutable(name),
        _ => null,
    };

    private static TemplateFunction? OfText(TemplateText text, string name) => Cutting(text, name)
        ?? Asking(text, name)
        ?? name switch
        {
            "upper" => _ => text.Map(static part => part.ToUpperInvariant()),
            "lower" => _ => text.Map(static part => part.ToLowerInvariant()),
            "title" => _ => TextShapes.Title(text),
            "capitalize" => _ => TextShapes.Capitalize(text),
            "replace" => arguments => Replace(text, arguments),
            "join" => arguments => text.Join(TemplateOperators.Items(arguments.Get(0, "iterable")).Select(Required)),
            "format" => arguments => TextShapes.Format(text, arguments),
            _ => null,
        };

    private static TemplateFunction? Cutting(TemplateText text, string name) => name switch
    {
        "strip" => arguments => text.Strip(Optional(arguments)),
        "lstrip" => arguments => text.Strip(Optional(arguments), right: false),
        "rstrip" => arguments => text.Strip(Optional(arguments), left: false),
        "split" => arguments => Split(text, arguments),
        "splitlines" => _ => Texts(TextShapes.Lines(text)),
        "removeprefix" => arguments => Text(arguments, 0) is var prefix
            && text.Value.StartsWith(prefix, StringComparison.Ordinal)
                ? text.Slice(prefix.Length, text.Value.Length)
                : text,
        "removesuffix" => arguments => Text(arguments, 0) is { Length: > 0 } suffix
            && text.Value.EndsWith(suffix, StringComparison.Ordinal)
                ? text.Slice(0, text.Value.Length - suffix.Length)
                : text,
        _ => null,
    };

    private static TemplateFunction? Asking(TemplateText text, string name) => name switch
    {
        "startswith" => arguments => Any(arguments, part => text.Value.StartsWith(part, StringComparison.Ordinal)),
        "endswith" => arguments => Any(arguments, part => text.Value.EndsWith(part, StringComparison.Ordinal)),
        "find" => arguments => Find(text, Text(arguments, 0)),
        "rfind" => arguments => Place(text, text.Value.LastIndexOf(Text(arguments, 0), StringComparison.Ordinal)),
        "index" => arguments => Find(text, Text(arguments, 0)) is >= 0 and var at
            ? at
            : throw new TemplateError("ValueError: substring not found"),
        "count" => arguments => Text(arguments, 0) is { Length: > 0 } part
            ? text.Split(part).Count - 1L
            : text.Count() + 1L,
        "isdigit" => _ => text.Value.Length > 0 && text.Value.All(char.IsDigit),
        "isalpha" => _ => text.Value.Length > 0 && text.Value.All(char.IsLetter),
        "isspace" => _ => text.Value.Length > 0 && text.Value.All(char.IsWhiteSpace),
        _ => null,
    };

    private static long Find(TemplateText text, string part) =>
        Place(text, text.Value.IndexOf(part, StringComparison.Ordinal));

    private static long Place(TemplateText text, int at) => at < 0 ? -1 : text.Slice(0, at).Count();

    private static bool Any(CallArguments arguments, Predicate<string> holds) => arguments.Get(0, "prefix") switch
    {
        TemplateTuple tuple => tuple.Exists(item => holds(Required(item).Value)),
        var value => holds(Required(value).Value),
    };

    private static TemplateText Replace(TemplateText text, CallArguments arguments)
    {
        var found = Text(arguments, 0);
        var replacement = Required(arguments.Get(1, "new"));
        var most = arguments.Has(2, "count") ? (int)TemplateOperators.Whole(arguments.Get(2, "count")) : int.MaxValue;
        return found.Length == 0
            ? throw new TemplateError("replacing an empty text is not supported")
            : replacement.Join(text.Split(found, most < 0 ? int.MaxValue : most));
    }

    private static List<object?> Split(TemplateText text, CallArguments arguments)
    {
        var most = arguments.Has(1, "maxsplit") ? TemplateOperators.Whole(arguments.Get(1, "maxsplit")) : -1;
        var cuts = most < 0 ? int.MaxValue : (int)Math.Min(most, int.MaxValue);
        if (arguments.Get(0, "sep") is not { } separator)
        {
            return Texts(TextShapes.Words(text, cuts));
        }

        return Required(separator).Value is { Length: > 0 } found
            ? Texts(text.Split(found, cuts))
            : throw new TemplateError("ValueError: empty separator");
    }

    private static List<object?> Texts(IEnumerable<TemplateText> texts) => [.. texts];

    private static string? Optional(CallArguments arguments) =>
        arguments.Get(0, "chars") is { } characters ? Required(characters).Value : null;

    private static string Text(CallArguments arguments, int index) => Required(arguments.Get(index, "")).Value;

    private static TemplateText Required(object? value) => value as TemplateText
        ?? throw new TemplateError($"TypeError: a str is expected, not {TemplateOperators.TypeName(value)}");

    private static TemplateError Immutable(string name) => new($"SecurityError: '{name}' would change a value");
}
