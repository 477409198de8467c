namespace Kaito.Tokenization.Templates;

/// <summary>Python's operators over the values of a template.</summary>
internal static class TemplateOperators
{
    public static bool Truth(object? value) => value switch
    {
        null or Undefined => false,
        bool flag => flag,
        long number => number != 0,
        double number => number != 0,
        TemplateText text => text.Value.Length > 0,
        List<object?> list => list.Count > 0,
        TemplateDict dict => dict.Keys.Count > 0,
        _ => true,
    };

    public static string TypeName(object? value) => value switch
    {
        null => "NoneType",
        Undefined => "Undefined",
        bool => "bool",
        long => "int",
        double => "float",
        TemplateText => "str",
        TemplateTuple => "tuple",
        List<object?> => "list",
        TemplateDict => "dict",
        TemplateNamespace => "Namespace",
        _ => "function",
    };

    public static bool IsNumber(object? value) => value is long or double or bool;

    public static double Real(object? value) => value switch
    {
        long number => number,
        double number => number,
        bool flag => flag ? 1 : 0,
        _ => throw Unsupported("number", value),
    };

    public static long Whole(object? value) => value switch
    {
        long number => number,
        bool flag => flag ? 1 : 0,
        Undefined undefined => throw new TemplateError(undefined.Problem),
        _ => throw new TemplateError($"TypeError: '{TypeName(value)}' object cannot be interpreted as an integer"),
    };

    public static bool Same(object? left, object? right) => (left, right) switch
    {
        (null, null) or (Undefined, Undefined) => true,
        (TemplateText a, TemplateText b) => a.Value == b.Value,
        (TemplateTuple, List<object?> and not TemplateTuple) => false,
        (List<object?> and not TemplateTuple, TemplateTuple) => false,
        (List<object?> a, List<object?> b) =>
            a.Count == b.Count && a.Zip(b).All(static pair => Same(pair.First, pair.Second)),
        (TemplateDict a, TemplateDict b) => a.Keys.Count == b.Keys.Count
            && a.Entries.All(entry => b.TryGet(entry.Key, out var other) && Same(entry.Value, other)),
        (long a, long b) => a == b,
        _ when IsNumber(left) && IsNumber(right) => Real(left) == Real(right),
        _ => ReferenceEquals(left, right),
    };

    public static int Compare(object? left, object? right)
    {
        switch (left, right)
        {
            case (TemplateText a, TemplateText b):
                return string.CompareOrdinal(a.Value, b.Value);
            case (long a, long b):
                return a.CompareTo(b);
            case (List<object?> a, List<object?> b):
                var different = a.Zip(b).FirstOrDefault(static pair => !Same(pair.First, pair.Second));
                var equal = a.Zip(b).All(static pair => Same(pair.First, pair.Second));
                return equal ? a.Count.CompareTo(b.Count) : Compare(different.First, different.Second);
            default:
                return IsNumber(left) && IsNumber(right)
                    ? Real(left).CompareTo(Real(right))
                    : throw Unsupported("<", left, right);
        }
    }

    public static bool Contains(object? container, object? item) => container switch
    {
        TemplateText text => item is TemplateText part
            ? text.Value.Contains(part.Value, StringComparison.Ordinal)
            : throw new TemplateError(
                $"TypeError: 'in <string>' requires string as left operand, not {TypeName(item)}"),
        List<object?> list => list.Exists(element => Same(element, item)),
        TemplateDict dict => dict.TryGet(item, out _),
        Undefined => false,
        _ => throw new TemplateError($"TypeError: argument of type '{TypeName(container)}' is not iterable"),
    };

    public static object? Binary(string symbol, object? left, object? right)
    {
        RefuseUndefined(left);
        RefuseUndefined(right);
        if (IsNumber(left) && IsNumber(right))
        {
            return TemplateArithmetic.Apply(symbol, left!, right!);
        }

        return (symbol, left, right) switch
        {
            ("+", TemplateText a, TemplateText b) => TemplateText.Concat([a, b]),
            ("+", TemplateText, _) => throw new TemplateError(
                $"TypeError: can only concatenate str (not \"{TypeName(right)}\") to str"),
            ("+", TemplateTuple a, TemplateTuple b) => new TemplateTuple(a.Concat(b)),
            ("+", List<object?> a, List<object?> b) => a.Concat(b).ToList(),
            ("*", TemplateText a, long count) => Repeat(a, count),
            ("*", long count, TemplateText a) => Repeat(a, count),
            ("*", List<object?> a, long count) => RepeatList(a, count),
            ("%", TemplateText format, _) => TemplateFormat.Percent(format, right),
            _ => throw Unsupported(symbol, left, right),
        };
    }

    public static void RefuseUndefined(object? value)
    {
        if (value is Undefined undefined)
        {
            throw new TemplateError(undefined.Problem);
        }
    }

    public static List<object?> Items(object? value) => value switch
    {
        Undefined => [],
        List<object?> list => list,
        TemplateText text => [.. text.Characters()],
        TemplateDict dict => [.. dict.Keys],
        _ => throw new TemplateError($"TypeError: '{TypeName(value)}' object is not iterable"),
    };

    public static TemplateError Unsupported(string symbol, params object?[] operands) => new(
        $"TypeError: unsupported operand type(s) for {symbol}: "
        + string.Join(" and ", operands.Select(static operand => $"'{TypeName(operand)}'")));

    private static TemplateText Repeat(TemplateText text, long count)
    {
        if (count * text.Value.Length > 1_000_000)
        {
            throw new TemplateError("a text is repeated too often");
        }

        return TemplateText.Concat(Enumerable.Repeat(text, (int)Math.Clamp(count, 0, 1_000_000)));
    }

    private static List<object?> RepeatList(List<object?> list, long count) => count * list.Count > 100_000
        ? throw new TemplateError("a list is repeated too often")
        : [.. Enumerable.Repeat(list, (int)Math.Max(count, 0)).SelectMany(static items => items)];
}
