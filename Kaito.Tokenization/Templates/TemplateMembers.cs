namespace Kaito.Tokenization.Templates;

/// <summary>Members, items and slices of values.</summary>
internal static class TemplateMembers
{
    public static object? Get(object? value, object? key, bool dotted)
    {
        TemplateOperators.RefuseUndefined(value);
        if (dotted && key is TemplateText name && TemplateMethods.Find(value, name.Value) is { } method)
        {
            return method;
        }

        var found = Item(value, key);
        if (found is not null || HasNone(value, key))
        {
            return found;
        }

        return !dotted && key is TemplateText member && TemplateMethods.Find(value, member.Value) is { } function
            ? function
            : new Undefined(
                $"'{TemplateOperators.TypeName(value)}' object has no attribute {TemplatePrinter.Repr(key)}");
    }

    public static object Slice(object? value, object? start, object? end, object? step)
    {
        var by = step is null ? 1 : TemplateOperators.Whole(step);
        if (by == 0)
        {
            throw new TemplateError("ValueError: slice step cannot be zero");
        }

        if (value is not (TemplateText or List<object?>))
        {
            throw new TemplateError($"TypeError: '{TemplateOperators.TypeName(value)}' object is not subscriptable");
        }

        var items = TemplateOperators.Items(value);
        var (low, high) = by > 0 ? (0L, items.Count) : (-1L, items.Count - 1L);
        var from = Bound(start, by > 0 ? low : high, items.Count, low, high);
        var to = Bound(end, by > 0 ? high : low, items.Count, low, high);
        var taken = new List<object?>();
        for (var at = from; by > 0 ? at < to : at > to; at += by)
        {
            taken.Add(items[(int)at]);
        }

        return value switch
        {
            TemplateText => TemplateText.Concat(taken.Cast<TemplateText>()),
            TemplateTuple => new TemplateTuple(taken),
            _ => taken,
        };
    }

    private static long Bound(object? value, long missing, int count, long low, long high)
    {
        if (value is null)
        {
            return missing;
        }

        var at = TemplateOperators.Whole(value);
        return Math.Clamp(at < 0 ? at + count : at, low, high);
    }

    private static bool HasNone(object? value, object? key) => (value, key) switch
    {
        (TemplateDict dict, _) => dict.TryGet(key, out _),
        (TemplateNamespace space, TemplateText name) => space.Members.ContainsKey(name.Value),
        (List<object?> list, long or bool) => At(list.Count, key) >= 0,
        _ => false,
    };

    private static object? Item(object? value, object? key)
    {
        switch (value, key)
        {
            case (TemplateDict dict, _):
                return dict.TryGet(key, out var found) ? found : null;
            case (TemplateNamespace space, TemplateText name):
                return space.Members.GetValueOrDefault(name.Value);
            case (List<object?> list, long or bool):
                return At(list.Count, key) is >= 0 and var index ? list[index] : null;
            case (TemplateText text, long or bool):
                var characters = text.Characters();
                return At(characters.Count, key) is >= 0 and var at ? characters[at] : null;
            default:
                return null;
        }
    }

    private static int At(int count, object? key)
    {
        var index = TemplateOperators.Whole(key);
        index = index < 0 ? index + count : index;
        return index >= 0 && index < count ? (int)index : -1;
    }
}
