using System.Globalization;
using System.Text.RegularExpressions;

namespace Kaito.Tokenization.Templates;

/// <summary>Rewritings and cuts of texts that several methods and filters share.</summary>
internal static partial class TextShapes
{
    public static TemplateText Capitalize(TemplateText text) => TemplateText.Concat(text.Characters().Select(
        static (character, index) => character.Map(
            part => index == 0 ? part.ToUpperInvariant() : part.ToLowerInvariant())));

    /// <summary>Upper case where the character before is no letter.</summary>
    public static TemplateText Title(TemplateText text, string keepTogether = "")
    {
        var result = new List<TemplateText>();
        var inside = false;
        foreach (var character in text.Characters())
        {
            var upper = !inside;
            result.Add(character.Map(part => upper ? part.ToUpperInvariant() : part.ToLowerInvariant()));
            inside = char.IsLetter(character.Value, 0)
                || keepTogether.Contains(character.Value, StringComparison.Ordinal);
        }

        return TemplateText.Concat(result);
    }

    public static List<TemplateText> Words(TemplateText text, int cuts)
    {
        var words = new List<TemplateText>();
        for (var rest = text.Strip(null, right: false); rest.Value.Length > 0;)
        {
            var end = 0;
            while (end < rest.Value.Length && (words.Count == cuts || !char.IsWhiteSpace(rest.Value[end])))
            {
                end++;
            }

            words.Add(words.Count == cuts ? rest.Strip(null, left: false) : rest.Slice(0, end));
            rest = rest.Slice(end, rest.Value.Length).Strip(null, right: false);
        }

        return words;
    }

    public static IEnumerable<TemplateText> Lines(TemplateText text)
    {
        var lines = text.Split("\n");
        return lines[^1].Value.Length == 0 ? lines.Take(lines.Count - 1) : lines;
    }

    /// <summary><c>"{} {0} {name}".format(…)</c> without format specifications.</summary>
    public static TemplateText Format(TemplateText text, CallArguments arguments)
    {
        var parts = new List<TemplateText>();
        var (at, next) = (0, 0);
        foreach (Match match in Placeholder().Matches(text.Value))
        {
            parts.Add(text.Slice(at, match.Index));
            at = match.Index + match.Length;
            parts.Add(match.Value switch
            {
                "{{" => TemplateText.Of("{"),
                "}}" => TemplateText.Of("}"),
                _ => TemplatePrinter.Text(Argument(match.Groups[1].Value, arguments, ref next)),
            });
        }

        parts.Add(text.Slice(at, text.Value.Length));
        return TemplateText.Concat(parts);
    }

    private static object? Argument(string name, CallArguments arguments, ref int next)
    {
        var index = name.Length == 0 ? next++
            : int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var given) ? given
            : int.MaxValue;
        return arguments.Has(index, name)
            ? arguments.Get(index, name)
            : throw new TemplateError($"IndexError: no argument for '{{{name}}}'");
    }

    [GeneratedRegex(@"\{\{|\}\}|\{(\w*)\}", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Placeholder();
}
