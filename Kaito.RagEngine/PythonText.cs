using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Kaito.RagEngine;

/// <summary>PURE: values as Python prints them; upstream's hashes and metrics are made of such text.</summary>
internal static class PythonText
{
    /// <summary><c>repr</c> of a number: shortest digits that round-trip, always with a point or an exponent.</summary>
    public static string Float(double value)
    {
        if (double.IsNaN(value))
        {
            return "nan";
        }

        if (double.IsInfinity(value))
        {
            return value > 0 ? "inf" : "-inf";
        }

        var digits = value.ToString("E16", CultureInfo.InvariantCulture);
        var exponent = int.Parse(digits.AsSpan(digits.IndexOf('E') + 1), NumberStyles.Float, CultureInfo.InvariantCulture);
        var shortest = value.ToString("R", CultureInfo.InvariantCulture);
        if (value != 0 && exponent is < -4 or >= 16)
        {
            return Scientific(shortest, exponent);
        }

        var plain = shortest.Contains('E', StringComparison.Ordinal)
            ? ((decimal)value).ToString(CultureInfo.InvariantCulture)
            : shortest;
        return plain.Contains('.', StringComparison.Ordinal) ? plain : plain + ".0";
    }

    /// <summary><c>repr</c> of a JSON value, e.g. <c>{'type': 'text', 'n': 1, 'ok': True}</c>.</summary>
    public static string Repr(JsonElement value)
    {
        var text = new StringBuilder();
        Repr(text, value);
        return text.ToString();
    }

    /// <summary><c>str</c> of a JSON value: as <see cref="Repr(JsonElement)"/>, but strings stand bare.</summary>
    public static string Str(JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : Repr(value);

    private static string Scientific(string shortest, int exponent)
    {
        var negative = shortest.StartsWith('-');
        var mantissa = shortest.TrimStart('-').Split('E')[0].Replace(".", "", StringComparison.Ordinal).Trim('0');
        var sign = exponent < 0 ? '-' : '+';
        var head = mantissa.Length > 1 ? $"{mantissa[0]}.{mantissa[1..]}" : mantissa;
        return string.Create(
            CultureInfo.InvariantCulture, $"{(negative ? "-" : "")}{head}e{sign}{Math.Abs(exponent):00}");
    }

    private static void Repr(StringBuilder text, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                List(text, '{', '}', value.EnumerateObject(), static (into, member) =>
                {
                    Quote(into, member.Name);
                    into.Append(": ");
                    Repr(into, member.Value);
                });
                break;
            case JsonValueKind.Array:
                List(text, '[', ']', value.EnumerateArray(), Repr);
                break;
            case JsonValueKind.String:
                Quote(text, value.GetString()!);
                break;
            case JsonValueKind.Number:
                var raw = value.GetRawText();
                text.Append(raw.AsSpan().IndexOfAny('.', 'e', 'E') < 0 ? raw : Float(value.GetDouble()));
                break;
            default:
                text.Append(value.ValueKind switch
                {
                    JsonValueKind.True => "True",
                    JsonValueKind.False => "False",
                    _ => "None",
                });
                break;
        }
    }

    private static void List<T>(
        StringBuilder text, char open, char close, IEnumerable<T> items, Action<StringBuilder, T> write)
    {
        text.Append(open);
        var first = true;
        foreach (var item in items)
        {
            text.Append(first ? "" : ", ");
            first = false;
            write(text, item);
        }

        text.Append(close);
    }

    private static void Quote(StringBuilder text, string value)
    {
        var quote = value.Contains('\'', StringComparison.Ordinal) && !value.Contains('"', StringComparison.Ordinal)
            ? '"'
            : '\'';
        text.Append(quote);
        foreach (var rune in value.EnumerateRunes())
        {
            Escape(text, rune, quote);
        }

        text.Append(quote);
    }

    private static void Escape(StringBuilder text, Rune rune, char quote)
    {
        switch (rune.Value)
        {
            case '\\':
                text.Append(@"\\");
                break;
            case '\n':
                text.Append(@"\n");
                break;
            case '\r':
                text.Append(@"\r");
                break;
            case '\t':
                text.Append(@"\t");
                break;
            case var code when code == quote:
                text.Append('\\').Append(quote);
                break;
            case var code when !Printable(rune):
                var (mark, width) = code < 0x100 ? ("x", "x2") : code < 0x10000 ? ("u", "x4") : ("U", "x8");
                text.Append('\\').Append(mark).Append(code.ToString(width, CultureInfo.InvariantCulture));
                break;
            default:
                text.Append(rune.ToString());
                break;
        }
    }

    // str.isprintable: no control, format, surrogate, private or unassigned characters and no separators but the space.
    private static bool Printable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned or UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator
        or UnicodeCategory.ParagraphSeparator);
}
