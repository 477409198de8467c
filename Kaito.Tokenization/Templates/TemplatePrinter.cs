using System.Globalization;
using System.Text;

namespace Kaito.Tokenization.Templates;

/// <summary>Values as Python prints them: <c>str</c>, <c>repr</c> and <c>json.dumps</c>.</summary>
internal static class TemplatePrinter
{
    /// <summary>Nesting of values; deeper ones are refused.</summary>
    private const int Deepest = 100;

    /// <summary>What <c>{{ value }}</c> prints.</summary>
    public static TemplateText Text(object? value) => value switch
    {
        TemplateText text => text,
        Undefined => TemplateText.Empty,
        _ => TemplateText.Of(Plain(value), IsTrusted(value)),
    };

    public static string Number(double value)
    {
        if (!double.IsFinite(value))
        {
            return double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        }

        var magnitude = Math.Abs(value);
        if (magnitude is >= 1e16 or (> 0 and < 1e-4))
        {
            var digits = value.ToString("E16", CultureInfo.InvariantCulture);
            var shortest = value.ToString("R", CultureInfo.InvariantCulture);
            return shortest.Contains('E', StringComparison.Ordinal)
                ? shortest.Replace("E", "e", StringComparison.Ordinal)
                : Shorten(digits);
        }

        var text = ((decimal)magnitude < 1e15m ? value.ToString("R", CultureInfo.InvariantCulture)
            : value.ToString("F0", CultureInfo.InvariantCulture));
        return text.Contains('.', StringComparison.Ordinal) ? text : text + ".0";
    }

    public static string Repr(object? value, int depth = 0)
    {
        if (depth > Deepest)
        {
            throw new TemplateError("a value is nested too deeply");
        }

        return value switch
        {
            TemplateText text => Quote(text.Value),
            TemplateTuple { Count: 1 } tuple => $"({Repr(tuple[0], depth + 1)},)",
            TemplateTuple tuple => $"({string.Join(", ", tuple.Select(item => Repr(item, depth + 1)))})",
            List<object?> list => $"[{string.Join(", ", list.Select(item => Repr(item, depth + 1)))}]",
            TemplateDict dict => "{" + string.Join(", ", dict.Entries.Select(entry =>
                $"{Repr(entry.Key, depth + 1)}: {Repr(entry.Value, depth + 1)}")) + "}",
            _ => Plain(value),
        };
    }

    /// <summary>JSON with Python's separators, without escaping what need not be; one text of one origin.</summary>
    public static TemplateText Json(object? value, int? indent)
    {
        var json = new StringBuilder();
        WriteJson(json, value, indent, 0);
        return TemplateText.Of(json.ToString(), IsTrusted(value));
    }

    /// <summary>True when nothing in the value came from the request.</summary>
    public static bool IsTrusted(object? value) => value switch
    {
        TemplateText text => text.Trusted,
        List<object?> list => list.TrueForAll(IsTrusted),
        TemplateDict dict => dict.Entries.All(static entry => IsTrusted(entry.Key) && IsTrusted(entry.Value)),
        _ => true,
    };

    private static string Plain(object? value) => value switch
    {
        null => "None",
        true => "True",
        false => "False",
        long number => number.ToString(CultureInfo.InvariantCulture),
        double number => Number(number),
        TemplateText text => text.Value,
        Undefined => "",
        List<object?> or TemplateDict => Repr(value),
        TemplateNamespace space => $"<Namespace {Repr(Members(space))}>",
        _ => "<function>",
    };

    private static TemplateDict Members(TemplateNamespace space)
    {
        var dict = new TemplateDict();
        foreach (var (name, value) in space.Members)
        {
            dict[TemplateText.Of(name)] = value;
        }

        return dict;
    }

    // 1.2500000000000000E+020 -> 1.25e+20
    private static string Shorten(string digits)
    {
        var at = digits.IndexOf('E', StringComparison.Ordinal);
        var exponent = int.Parse(digits.AsSpan(at + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var mantissa = digits[..at].TrimEnd('0').TrimEnd('.');
        var sign = exponent < 0 ? '-' : '+';
        return string.Create(CultureInfo.InvariantCulture, $"{mantissa}e{sign}{Math.Abs(exponent):00}");
    }

    private static string Quote(string text)
    {
        var doubled = text.Contains('\'', StringComparison.Ordinal) && !text.Contains('"', StringComparison.Ordinal);
        var quote = doubled ? '"' : '\'';
        var result = new StringBuilder().Append(quote);
        foreach (var character in text)
        {
            result.Append(character switch
            {
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                _ when character == quote => "\\" + character,
                < ' ' or '\x7F' => string.Create(CultureInfo.InvariantCulture, $"\\x{(int)character:x2}"),
                _ => character.ToString(),
            });
        }

        return result.Append(quote).ToString();
    }

    private static void WriteJson(StringBuilder json, object? value, int? indent, int depth)
    {
        if (depth > Deepest)
        {
            throw new TemplateError("a value is nested too deeply");
        }

        switch (value)
        {
            case TemplateText text:
                WriteJsonText(json, text.Value);
                break;
            case List<object?> list:
                WriteJsonItems(json, ('[', ']'), list, indent, depth, item => WriteJson(json, item, indent, depth + 1));
                break;
            case TemplateDict dict:
                WriteJsonItems(json, ('{', '}'), [.. dict.Entries], indent, depth, entry =>
                {
                    WriteJsonText(json, entry.Key is TemplateText key ? key.Value : JsonScalar(entry.Key));
                    json.Append(": ");
                    WriteJson(json, entry.Value, indent, depth + 1);
                });
                break;
            default:
                json.Append(JsonScalar(value));
                break;
        }
    }

    private static string JsonScalar(object? value) => value switch
    {
        null => "null",
        bool flag => flag ? "true" : "false",
        double number when !double.IsFinite(number) =>
            double.IsNaN(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity",
        long or double => Plain(value),
        _ => throw new TemplateError(
            $"TypeError: Object of type {TemplateOperators.TypeName(value)} is not JSON serializable"),
    };

    private static void WriteJsonItems<T>(
        StringBuilder json,
        (char Open, char Close) brackets,
        List<T> items,
        int? indent,
        int depth,
        Action<T> write)
    {
        json.Append(brackets.Open);
        for (var index = 0; index < items.Count; index++)
        {
            json.Append(index == 0 ? "" : indent is null ? ", " : ",");
            NewLine(depth + 1);
            write(items[index]);
        }

        if (items.Count > 0)
        {
            NewLine(depth);
        }

        json.Append(brackets.Close);

        void NewLine(int level)
        {
            if (indent is { } width)
            {
                json.Append('\n').Append(' ', width * level);
            }
        }
    }

    private static void WriteJsonText(StringBuilder json, string text)
    {
        json.Append('"');
        foreach (var character in text)
        {
            json.Append(character switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                '\b' => "\\b",
                '\f' => "\\f",
                < ' ' => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)character:x4}"),
                _ => character.ToString(),
            });
        }

        json.Append('"');
    }
}
