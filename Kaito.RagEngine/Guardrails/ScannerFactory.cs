using System.Globalization;
using System.Text.RegularExpressions;
using Kaito.RagEngine.Guardrails.Scanners;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Kaito.RagEngine.Guardrails;

/// <summary>PURE: makes a scanner of its part of a policy.</summary>
internal static class ScannerFactory
{
    private static readonly Dictionary<string, Func<GuardrailAction, ScannerFields, OutputScanner>> s_types = new()
    {
        [RegexScanner.Name] = Patterned,
        [BanSubstringsScanner.Name] = Banned,
        [JsonScanner.Name] = Json,
        [ReadingTimeScanner.Name] = Timed,
        [TokenLimitScanner.Name] = Limited,
        [SecretsScanner.Name] = Secret,
        [SensitiveScanner.Name] = Sensitive,
        [InvisibleTextScanner.Name] = Invisible,
    };

    /// <summary>For messages.</summary>
    public static string Types => string.Join(", ", s_types.Keys.Order());

    /// <returns>Null if no scanner has this name.</returns>
    /// <exception cref="FormatException">A field is wrong; the message names field, value and remedy.</exception>
    public static OutputScanner? Build(string type, GuardrailAction action, ScannerFields fields)
    {
        if (!s_types.TryGetValue(type, out var build))
        {
            return null;
        }

        return build(action, fields);
    }

    private static RegexScanner Patterned(GuardrailAction action, ScannerFields fields)
    {
        var match = fields.Choice(
            "match_type", ("search", PatternMatch.Search), ("fullmatch", PatternMatch.FullMatch), ("all", PatternMatch.All));
        var patterns = fields.Texts("patterns").Select(p => Compile(p, match == PatternMatch.FullMatch)).ToList();
        var isBlocked = fields.Flag("is_blocked", true);
        return new(patterns, match, isBlocked) { Action = action };
    }

    private static Regex Compile(string pattern, bool whole)
    {
        try
        {
            return Patterns.Compile(pattern, whole);
        }
        catch (ArgumentException e)
        {
            throw new FormatException($"patterns holds '{pattern}', which is not a regular expression: {e.Message}", e);
        }
    }

    private static BanSubstringsScanner Banned(GuardrailAction action, ScannerFields fields)
    {
        var words = fields.Choice("match_type", ("word", true), ("str", false));
        var caseSensitive = fields.Flag("case_sensitive", false);
        var all = fields.Flag("contains_all", false);
        return new(fields.Texts("substrings"), words, caseSensitive, all) { Action = action };
    }

    private static JsonScanner Json(GuardrailAction action, ScannerFields fields) =>
        new(fields.Integer("required_elements", 0, least: 0), fields.Flag("repair", true)) { Action = action };

    private static ReadingTimeScanner Timed(GuardrailAction action, ScannerFields fields) =>
        new(fields.Positive("max_time"), fields.Flag("truncate", false)) { Action = action };

    private static SecretsScanner Secret(GuardrailAction action, ScannerFields fields)
    {
        var mode = fields.Choice(
            "redact_mode",
            ("all", SecretRedaction.All),
            ("partial", SecretRedaction.Partial),
            ("hash", SecretRedaction.Hash));
        return new(mode) { Action = action };
    }

    private static InvisibleTextScanner Invisible(GuardrailAction action, ScannerFields fields)
    {
        fields.EnsureNone();
        return new() { Action = action };
    }

    // encoding_name and model_name may stand there: the count is the same for every encoding.
    private static TokenLimitScanner Limited(GuardrailAction action, ScannerFields fields) =>
        new(fields.Integer("limit", 4096, least: 1)) { Action = action };

    private static SensitiveScanner Sensitive(GuardrailAction action, ScannerFields fields)
    {
        var detectors = fields.Has("detectors") ? fields.Texts("detectors") : SensitiveScanner.Detectors;
        var unknown = detectors.Except(SensitiveScanner.Detectors).FirstOrDefault();
        return unknown is null
            ? new(detectors.ToHashSet(StringComparer.Ordinal)) { Action = action }
            : throw new FormatException(
                $"detectors holds '{unknown}'; known are {string.Join(", ", SensitiveScanner.Detectors)}.");
    }
}

/// <summary>A scanner's fields by normalised name. Every read may throw FormatException.</summary>
internal sealed class ScannerFields(IReadOnlyDictionary<string, YamlNode> fields)
{
    public bool Has(string name) => fields.ContainsKey(name);

    public bool Flag(string name, bool otherwise) => Scalar(name) switch
    {
        null => otherwise,
        { Style: ScalarStyle.Plain, Value: "true" or "True" or "TRUE" or "yes" or "on" } => true,
        { Style: ScalarStyle.Plain, Value: "false" or "False" or "FALSE" or "no" or "off" } => false,
        var other => throw Wrong(name, other, "write true or false"),
    };

    public int Integer(string name, int otherwise, int least)
    {
        var scalar = Scalar(name);
        if (scalar is null)
        {
            return otherwise;
        }

        return scalar.Style == ScalarStyle.Plain
            && int.TryParse(scalar.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            && number >= least
            ? number
            : throw Wrong(name, scalar, $"write a whole number from {least}");
    }

    public double Positive(string name)
    {
        var scalar = Scalar(name) ?? throw new FormatException($"{name} is missing; write a number above 0.");
        return scalar.Style == ScalarStyle.Plain
            && double.TryParse(scalar.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            && double.IsFinite(number) && number > 0
            ? number
            : throw Wrong(name, scalar, "write a number above 0");
    }

    /// <summary>The first choice where the field is missing.</summary>
    public T Choice<T>(string name, params ReadOnlySpan<(string Name, T Value)> choices)
    {
        var scalar = Scalar(name);
        if (scalar is null)
        {
            return choices[0].Value;
        }

        foreach (var (text, value) in choices)
        {
            if (string.Equals(scalar.Value, text, StringComparison.OrdinalIgnoreCase))
            {
                return value;
            }
        }

        var known = new List<string>();
        foreach (var (text, _) in choices)
        {
            known.Add(text);
        }

        throw Wrong(name, scalar, "write one of " + string.Join(", ", known));
    }

    /// <summary>The strings of a list; what is none is dropped, and one must be left.</summary>
    public IReadOnlyList<string> Texts(string name)
    {
        var texts = (fields.GetValueOrDefault(name) as YamlSequenceNode)?.Children
            .OfType<YamlScalarNode>().Where(IsText).Select(static s => s.Value!).ToList() ?? [];
        return texts.Count > 0 ? texts : throw new FormatException($"{name} must be a list with at least one text.");
    }

    public void EnsureNone()
    {
        if (fields.Keys.FirstOrDefault() is { } unknown)
        {
            throw new FormatException($"{unknown} is not a field of this scanner; remove it.");
        }
    }

    private YamlScalarNode? Scalar(string name) =>
        !fields.TryGetValue(name, out var node)
        || node is YamlScalarNode { Style: ScalarStyle.Plain, Value: "" or "null" or "~" }
            ? null
            : node as YamlScalarNode ?? throw new FormatException($"{name} must be one value.");

    // A number or a truth value is not text unless it is quoted.
    private static bool IsText(YamlScalarNode scalar) => scalar.Value is { Length: > 0 } value
        && (scalar.Style != ScalarStyle.Plain
            || !(double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out _)
                || value is "true" or "false" or "null" or "~"));

    private static FormatException Wrong(string name, YamlScalarNode value, string remedy) =>
        new($"{name} is '{value.Value}'; {remedy}.");
}
