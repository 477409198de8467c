using System.Globalization;
using System.Text;

namespace Kaito.Tokenization.Patterns;

/// <summary>The named sets: <c>\s \d \w \h</c>, their complements, and <c>\p{…}</c>.</summary>
internal static class PatternClasses
{
    private static readonly Dictionary<string, UnicodeCategory[]> s_categories = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Lu"] = [UnicodeCategory.UppercaseLetter],
        ["Ll"] = [UnicodeCategory.LowercaseLetter],
        ["Lt"] = [UnicodeCategory.TitlecaseLetter],
        ["Lm"] = [UnicodeCategory.ModifierLetter],
        ["Lo"] = [UnicodeCategory.OtherLetter],
        ["Mn"] = [UnicodeCategory.NonSpacingMark],
        ["Mc"] = [UnicodeCategory.SpacingCombiningMark],
        ["Me"] = [UnicodeCategory.EnclosingMark],
        ["Nd"] = [UnicodeCategory.DecimalDigitNumber],
        ["Nl"] = [UnicodeCategory.LetterNumber],
        ["No"] = [UnicodeCategory.OtherNumber],
        ["Pc"] = [UnicodeCategory.ConnectorPunctuation],
        ["Pd"] = [UnicodeCategory.DashPunctuation],
        ["Ps"] = [UnicodeCategory.OpenPunctuation],
        ["Pe"] = [UnicodeCategory.ClosePunctuation],
        ["Pi"] = [UnicodeCategory.InitialQuotePunctuation],
        ["Pf"] = [UnicodeCategory.FinalQuotePunctuation],
        ["Po"] = [UnicodeCategory.OtherPunctuation],
        ["Sm"] = [UnicodeCategory.MathSymbol],
        ["Sc"] = [UnicodeCategory.CurrencySymbol],
        ["Sk"] = [UnicodeCategory.ModifierSymbol],
        ["So"] = [UnicodeCategory.OtherSymbol],
        ["Zs"] = [UnicodeCategory.SpaceSeparator],
        ["Zl"] = [UnicodeCategory.LineSeparator],
        ["Zp"] = [UnicodeCategory.ParagraphSeparator],
        ["Cc"] = [UnicodeCategory.Control],
        ["Cf"] = [UnicodeCategory.Format],
        ["Cn"] = [UnicodeCategory.OtherNotAssigned],
        ["Co"] = [UnicodeCategory.PrivateUse],
        ["Cs"] = [UnicodeCategory.Surrogate],
    };

    private static readonly Dictionary<string, string> s_majors = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Letter"] = "L",
        ["Mark"] = "M",
        ["Number"] = "N",
        ["Punctuation"] = "P",
        ["Punct"] = "P",
        ["Symbol"] = "S",
        ["Separator"] = "Z",
        ["Other"] = "C",
    };

    // Scripts that published tokenizers name, as the blocks that hold nearly all of their characters.
    private static readonly Dictionary<string, CharClass> s_scripts = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Han"] = Ranges([
            (0x2E80, 0x2FD5), (0x3005, 0x3005), (0x3007, 0x3007), (0x3021, 0x3029), (0x3038, 0x303B),
            (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAD9), (0x16FE2, 0x16FE3), (0x16FF0, 0x16FF1),
            (0x20000, 0x2FA1D), (0x30000, 0x323AF)]),
        ["Hiragana"] = Ranges([(0x3041, 0x3096), (0x309D, 0x309F), (0x1B001, 0x1B11F)]),
        ["Katakana"] = Ranges([(0x30A1, 0x30FA), (0x30FD, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9D)]),
        ["Hangul"] = Ranges([(0x1100, 0x11FF), (0x3131, 0x318E), (0xA960, 0xA97C), (0xAC00, 0xD7A3), (0xD7B0, 0xD7FB)]),
    };

    /// <summary>Reads the rest of a shorthand after its backslash; leaves the position alone if it is none.</summary>
    public static bool TryShorthand(Rune[] source, ref int at, out CharClass set)
    {
        var letter = source[at].Value;
        set = letter switch
        {
            's' or 'S' => CharClass.Space,
            'd' or 'D' => CharClass.Digit,
            'w' or 'W' => CharClass.Word,
            'h' => Ranges([('0', '9'), ('a', 'f'), ('A', 'F')]),
            _ => CharClass.Any,
        };
        if (set != CharClass.Any)
        {
            at++;
            set = letter is 'S' or 'D' or 'W' ? CharClass.Not(set) : set;
            return true;
        }

        if (letter is not ('p' or 'P'))
        {
            return false;
        }

        at++;
        set = Named(Name(source, ref at, out var negated));
        set = negated != (letter == 'P') ? CharClass.Not(set) : set;
        return true;
    }

    // {L}  {^L}  {General_Category=L}  or a single letter
    private static string Name(Rune[] source, ref int at, out bool negated)
    {
        negated = false;
        var end = at < source.Length && source[at].Value == '{' ? Array.IndexOf(source, new('}'), at) : -1;
        if (end < 0)
        {
            return at < source.Length ? source[at++].ToString() : "";
        }

        var name = string.Concat(source[(at + 1)..end].Select(static rune => rune.ToString()));
        at = end + 1;
        negated = name.StartsWith('^');
        return name[(negated ? 1 : 0)..].Split('=')[^1];
    }

    private static CharClass Named(string name)
    {
        if (s_scripts.TryGetValue(name, out var script))
        {
            return script;
        }

        var major = s_majors.GetValueOrDefault(name, name);
        var categories = s_categories
            .Where(entry => major.Length == 1
                ? entry.Key.StartsWith(major, StringComparison.OrdinalIgnoreCase)
                : entry.Key.Equals(major, StringComparison.OrdinalIgnoreCase))
            .SelectMany(static entry => entry.Value)
            .ToArray();
        return categories.Length > 0
            ? CharClass.Categories(categories)
            : throw new FormatException($"the property \\p{{{name}}} is not supported");
    }

    private static CharClass Ranges((int First, int Last)[] ranges) =>
        CharClass.Union([.. ranges.Select(static range => CharClass.Range(range.First, range.Last))]);
}
