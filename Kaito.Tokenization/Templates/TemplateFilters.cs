using System.Globalization;

namespace Kaito.Tokenization.Templates;

/// <summary>The filters after <c>|</c> that work on single values; those on sequences are in their own table.</summary>
internal static class TemplateFilters
{
    private static readonly Dictionary<string, Func<object?, CallArguments, object?>> s_filters =
        new(SequenceFilters.All, StringComparer.Ordinal)
        {
            ["trim"] = static (value, arguments) => Text(value).Strip(
                arguments.Get(0, "chars") is TemplateText characters ? characters.Value : null),
            ["string"] = static (value, _) => Text(value),
            ["upper"] = static (value, _) => Text(value).Map(static part => part.ToUpperInvariant()),
            ["lower"] = static (value, _) => Text(value).Map(static part => part.ToLowerInvariant()),
            ["capitalize"] = static (value, _) => TextShapes.Capitalize(Text(value)),
            ["title"] = static (value, _) => TextShapes.Title(Text(value), keepTogether: "'0123456789_"),
            ["replace"] = static (value, arguments) => TemplateMethods.Find(Text(value), "replace")!(arguments),
            ["tojson"] = static (value, arguments) => Json(value, arguments),
            ["default"] = static (value, arguments) => Default(value, arguments),
            ["d"] = static (value, arguments) => Default(value, arguments),
            ["int"] = static (value, arguments) => Int(value, arguments.Get(0, "default", 0L)),
            ["float"] = static (value, arguments) => Float(value, arguments.Get(0, "default", 0.0)),
            ["abs"] = static (value, _) => value is long whole
                ? Math.Abs(whole)
                : (object)Math.Abs(TemplateOperators.Real(value)),
            ["round"] = static (value, arguments) => Round(value, arguments),
            ["indent"] = static (value, arguments) => Indent(Text(value), arguments),
            ["format"] = static (value, arguments) =>
                TemplateFormat.Percent(Text(value), new TemplateTuple(arguments.Positional)),
            ["wordcount"] = static (value, _) => (long)TextShapes.Words(Text(value), int.MaxValue).Count,
            ["safe"] = static (value, _) => Text(value),
            ["escape"] = static (value, _) => Escape(Text(value)),
            ["e"] = static (value, _) => Escape(Text(value)),
        };

    public static object? Apply(string name, object? value, CallArguments arguments) =>
        s_filters.TryGetValue(name, out var filter)
            ? filter(value, arguments)
            : throw new TemplateError($"TemplateRuntimeError: No filter named '{name}'.");

    private static TemplateText Text(object? value) => TemplatePrinter.Text(value);

    private static TemplateText Json(object? value, CallArguments arguments)
    {
        TemplateOperators.RefuseUndefined(value);
        return TemplatePrinter.Json(value, arguments.Get(0, "indent") switch
        {
            null => null,
            var indent => (int)Math.Clamp(TemplateOperators.Whole(indent), 0, 16),
        });
    }

    private static object? Default(object? value, CallArguments arguments)
    {
        var whenFalse = TemplateOperators.Truth(arguments.Get(1, "boolean", false));
        return value is Undefined || (whenFalse && !TemplateOperators.Truth(value))
            ? arguments.Get(0, "default_value", TemplateText.Empty)
            : value;
    }

    private static object? Int(object? value, object? missing) => value switch
    {
        long or bool => TemplateOperators.Whole(value),
        double real when Math.Abs(real) < 9e18 => (long)real,
        TemplateText text when long.TryParse(
            text.Value.Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) => whole,
        TemplateText text when double.TryParse(
            text.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) && Math.Abs(real) < 9e18 =>
            (long)real,
        _ => missing,
    };

    private static object? Float(object? value, object? missing) => value switch
    {
        TemplateText text => double.TryParse(text.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var real)
            ? real
            : missing,
        _ when TemplateOperators.IsNumber(value) => TemplateOperators.Real(value),
        _ => missing,
    };

    private static double Round(object? value, CallArguments arguments)
    {
        var digits = (int)Math.Clamp(TemplateOperators.Whole(arguments.Get(0, "precision", 0L)), 0, 15);
        var method = Text(arguments.Get(1, "method", TemplateText.Of("common"))).Value;
        var (number, scale) = (TemplateOperators.Real(value), Math.Pow(10, digits));
        return method switch
        {
            "ceil" => Math.Ceiling(number * scale) / scale,
            "floor" => Math.Floor(number * scale) / scale,
            _ => Math.Round(number, digits, MidpointRounding.ToEven),
        };
    }

    private static TemplateText Indent(TemplateText text, CallArguments arguments)
    {
        var width = arguments.Get(0, "width", 4L) is TemplateText given
            ? given
            : TemplateText.Of(
                new(' ', (int)Math.Clamp(TemplateOperators.Whole(arguments.Get(0, "width", 4L)), 0, 100)));
        var first = TemplateOperators.Truth(arguments.Get(1, "first", false));
        var blank = TemplateOperators.Truth(arguments.Get(2, "blank", false));
        var lines = text.Split("\n").Select((line, index) =>
            (index > 0 || first) && (blank || line.Value.Length > 0 || index == 0)
                ? TemplateText.Concat([width, line])
                : line);
        return TemplateText.Of("\n").Join(lines);
    }

    private static TemplateText Escape(TemplateText text) => text.Map(static part => part
        .Replace("&", "&amp;", StringComparison.Ordinal)
        .Replace("<", "&lt;", StringComparison.Ordinal)
        .Replace(">", "&gt;", StringComparison.Ordinal)
        .Replace("\"", "&#34;", StringComparison.Ordinal)
        .Replace("'", "&#39;", StringComparison.Ordinal));
}
