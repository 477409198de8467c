using System.Globalization;
using System.Text;

namespace Kaito.Tokenization.Templates;

/// <summary>Backslash escapes of text literals; an unknown one stays as it is written.</summary>
internal static class TemplateEscapes
{
    public static void Append(StringBuilder text, string source, ref int at)
    {
        var letter = source[at + 1];
        var digits = letter switch
        {
            'x' => 2,
            'u' => 4,
            _ => 0,
        };
        if (digits > 0
            && at + 2 + digits <= source.Length
            && ushort.TryParse(
                source.AsSpan(at + 2, digits),
                NumberStyles.AllowHexSpecifier,
                CultureInfo.InvariantCulture,
                out var unit))
        {
            text.Append((char)unit);
            at += 2 + digits;
            return;
        }

        text.Append(letter switch
        {
            'n' => "\n",
            't' => "\t",
            'r' => "\r",
            'b' => "\b",
            'f' => "\f",
            'v' => "\v",
            'a' => "\a",
            '0' => "\0",
            '\n' => "",
            '\\' or '\'' or '"' => letter.ToString(),
            _ => "\\" + letter,
        });
        at += 2;
    }
}
