using System.Globalization;
using System.Text;

namespace Kaito.Tokenization.Templates;

/// <summary>The functions that every template can call.</summary>
internal static class TemplateGlobals
{
    private const long LongestRange = 100_000;

    public static void Define(TemplateScope scope, DateTimeOffset? now)
    {
        scope["range"] = (TemplateFunction)Range;
        scope["namespace"] = (TemplateFunction)Namespace;
        scope["dict"] = (TemplateFunction)Dict;
        scope["raise_exception"] = (TemplateFunction)(arguments =>
            throw new TemplateError(TemplatePrinter.Text(arguments.Get(0, "message")).Value, refused: true));
        scope["strftime_now"] = (TemplateFunction)(arguments => now is { } time
            ? TemplateText.Of(Date(time, TemplatePrinter.Text(arguments.Get(0, "format")).Value))
            : throw new TemplateError("the template asks for the date, which was not given"));
    }

    private static object Range(CallArguments arguments)
    {
        var given = arguments.Positional.Select(TemplateOperators.Whole).ToArray();
        var (start, end, step) = given switch
        {
            [var stop] => (0L, stop, 1L),
            [var from, var stop] => (from, stop, 1L),
            [var from, var stop, var by] when by != 0 => (from, stop, by),
            _ => throw new TemplateError("TypeError: range takes one to three numbers, the step not 0"),
        };
        var items = new List<object?>();
        for (var value = start; step > 0 ? value < end : value > end; value += step)
        {
            if (items.Count >= LongestRange)
            {
                throw new TemplateError($"OverflowError: a range has more than {LongestRange} items");
            }

            items.Add(value);
        }

        return items;
    }

    private static TemplateNamespace Namespace(CallArguments arguments)
    {
        var space = new TemplateNamespace();
        if (arguments.Positional is [TemplateDict given])
        {
            foreach (var entry in given.Entries)
            {
                space.Members[TemplatePrinter.Text(entry.Key).Value] = entry.Value;
            }
        }

        foreach (var (name, value) in arguments.Named)
        {
            space.Members[name] = value;
        }

        return space;
    }

    private static TemplateDict Dict(CallArguments arguments)
    {
        var dict = new TemplateDict();
        foreach (var entry in arguments.Positional is [TemplateDict given] ? given.Entries : [])
        {
            dict[entry.Key] = entry.Value;
        }

        foreach (var (name, value) in arguments.Named)
        {
            dict[TemplateText.Of(name)] = value;
        }

        return dict;
    }

    private static string Date(DateTimeOffset time, string format)
    {
        var text = new StringBuilder();
        for (var at = 0; at < format.Length; at++)
        {
            if (format[at] != '%' || at + 1 == format.Length)
            {
                text.Append(format[at]);
                continue;
            }

            text.Append(Part(time, format[++at]));
        }

        return text.ToString();
    }

    private static string Part(DateTimeOffset time, char directive) => directive == '%' ? "%"
        : time.ToString(
            directive switch
            {
                'd' => "dd",
                'm' => "MM",
                'Y' => "yyyy",
                'y' => "yy",
                'b' => "MMM",
                'B' => "MMMM",
                'a' => "ddd",
                'A' => "dddd",
                'H' => "HH",
                'M' => "mm",
                'S' => "ss",
                _ => throw new TemplateError($"the date format %{directive} is not supported"),
            },
            CultureInfo.InvariantCulture);
}
