using System.Globalization;
using System.Text.RegularExpressions;

namespace Kaito.Tokenization.Templates;

/// <summary>The <c>%</c> operator on texts: <c>%s %r %d %i %f %x</c> with flags, width and precision.</summary>
internal static partial class TemplateFormat
{
    public static TemplateText Percent(TemplateText format, object? arguments)
    {
        var values = arguments as TemplateTuple ?? new TemplateTuple([arguments]);
        var next = 0;
        var text = Placeholder().Replace(format.Value, match =>
        {
            if (match.Groups["kind"].ValueSpan is "%")
            {
                return "%";
            }

            var value = next < values.Count
                ? values[next++]
                : throw new TemplateError("TypeError: not enough arguments for format string");
            return Pad(match, One(match, value));
        });
        if (next < values.Count && arguments is TemplateTuple)
        {
            throw new TemplateError("TypeError: not all arguments converted during string formatting");
        }

        return TemplateText.Of(text, format.Trusted && TemplatePrinter.IsTrusted(arguments));
    }

    private static string One(Match match, object? value)
    {
        var precision = match.Groups["precision"].Success
            ? int.Parse(match.Groups["precision"].ValueSpan, CultureInfo.InvariantCulture)
            : (int?)null;
        switch (match.Groups["kind"].Value)
        {
            case "s":
                var text = TemplatePrinter.Text(value).Value;
                return precision < text.Length ? text[..precision.Value] : text;
            case "r":
                return TemplatePrinter.Repr(value);
            case "f":
                return Signed(match, TemplateOperators.Real(value)
                    .ToString($"F{precision ?? 6}", CultureInfo.InvariantCulture));
            case "x":
                return TemplateOperators.Whole(value).ToString("x", CultureInfo.InvariantCulture);
            default:
                return Signed(match, ((long)TemplateOperators.Real(value)).ToString(CultureInfo.InvariantCulture));
        }
    }

    private static string Signed(Match match, string number) =>
        match.Groups["flags"].Value.Contains('+', StringComparison.Ordinal) && number[0] != '-' ? "+" + number : number;

    private static string Pad(Match match, string text)
    {
        var flags = match.Groups["flags"].Value;
        if (!match.Groups["width"].Success)
        {
            return text;
        }

        var width = int.Parse(match.Groups["width"].ValueSpan, CultureInfo.InvariantCulture);
        if (flags.Contains('-', StringComparison.Ordinal))
        {
            return text.PadRight(width);
        }

        if (!flags.Contains('0', StringComparison.Ordinal) || match.Groups["kind"].Value is "s" or "r")
        {
            return text.PadLeft(width);
        }

        var sign = text[0] is '-' or '+' ? text[..1] : "";
        return sign + text[sign.Length..].PadLeft(width - sign.Length, '0');
    }

    [GeneratedRegex(
        @"%(?<flags>[-+0 ]*)(?<width>\d{1,3})?(?:\.(?<precision>\d{1,2}))?(?<kind>[srdifx%])",
        RegexOptions.CultureInvariant,
        matchTimeoutMilliseconds: 1000)]
    private static partial Regex Placeholder();
}
