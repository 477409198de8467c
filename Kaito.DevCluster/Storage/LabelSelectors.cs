using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Kaito.DevCluster.Storage;

internal enum LabelOperator
{
    In,
    NotIn,
    Exists,
    DoesNotExist,

    /// <summary>Node affinity only: both sides are integers and the label is the larger.</summary>
    Gt,

    /// <summary>Node affinity only: both sides are integers and the label is the smaller.</summary>
    Lt,
}

/// <summary>One condition on a label.</summary>
internal sealed record LabelRequirement(string Key, LabelOperator Operator, ImmutableArray<string> Values)
{
    public bool Matches(JsonObject? labels) => MatchesValue(labels.Text(Key));

    /// <summary>Whether the label's value, null for no label, meets the condition.</summary>
    public bool MatchesValue(string? value) => Operator switch
    {
        LabelOperator.Exists => value is not null,
        LabelOperator.DoesNotExist => value is null,
        LabelOperator.In => value is not null && Values.Contains(value, StringComparer.Ordinal),
        LabelOperator.NotIn => value is null || !Values.Contains(value, StringComparer.Ordinal),
        LabelOperator.Gt => Compare(value) > 0,
        _ => Compare(value) < 0,
    };

    // Null when either side is no integer; then neither Gt nor Lt holds.
    private int? Compare(string? value) =>
        long.TryParse(value, CultureInfo.InvariantCulture, out var left)
        && long.TryParse(Values.FirstOrDefault(), CultureInfo.InvariantCulture, out var right)
            ? left.CompareTo(right)
            : null;
}

/// <summary>The text form, <c>a=b,c!=d,e in (f,g),h,!i</c>, and the object form of label selectors.</summary>
internal static partial class LabelSelectors
{
    public static ImmutableArray<LabelRequirement> Parse(string? text)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            return [];
        }

        return [.. Split(text).Select(part => ParseOne(part.Trim(), text))];
    }

    /// <summary>A metav1.LabelSelector: equal labels and expressions; a 400 names an operator that does not exist.</summary>
    public static ImmutableArray<LabelRequirement> FromObject(JsonObject selector) =>
    [
        .. FromMap(selector["matchLabels"]),
        .. selector.Objects("matchExpressions").Select(static expression => Expression(expression, node: false)),
    ];

    /// <summary>A plain map of labels, as Services and node selectors have it: every one must be equal.</summary>
    public static bool MatchesMap(JsonNode? wanted, JsonObject item) =>
        FromMap(wanted).All(requirement => requirement.Matches(item.At("metadata", "labels") as JsonObject));

    /// <summary>The terms of a required node affinity: one of them must match, an empty term never does.</summary>
    public static bool MatchesAnyTerm(IEnumerable<JsonObject> terms, JsonObject node) => terms.Any(term =>
        (term.Objects("matchExpressions").Any() || term.Objects("matchFields").Any())
        && term.Objects("matchExpressions").All(
            e => Expression(e, node: true).Matches(node.At("metadata", "labels") as JsonObject))
        && term.Objects("matchFields").All(e => Expression(e, node: true).MatchesValue(node.Name)));

    private static IEnumerable<LabelRequirement> FromMap(JsonNode? labels) =>
        labels.Map().Select(static label => new LabelRequirement(label.Key, LabelOperator.In, [label.Value]));

    private static LabelRequirement Expression(JsonObject expression, bool node)
    {
        var name = expression.Text("operator") ?? "";
        var known = Enum.TryParse<LabelOperator>(name, out var operation) && Enum.IsDefined(operation)
            && operation.ToString() == name && (node || operation is not (LabelOperator.Gt or LabelOperator.Lt));
        return known
            ? new(expression.Text("key") ?? "", operation, [.. expression.Strings("values")])
            : throw ApiStatusException.BadRequest(
                $"label selector operator \"{name}\" is not In, NotIn, Exists{(node ? ", Gt, Lt" : "")} or DoesNotExist");
    }

    private static List<string> Split(string text)
    {
        var parts = new List<string>();
        var depth = 0;
        var start = 0;
        for (var i = 0; i < text.Length; i++)
        {
            depth += text[i] switch { '(' => 1, ')' => -1, _ => 0 };
            if (text[i] == ',' && depth == 0)
            {
                parts.Add(text[start..i]);
                start = i + 1;
            }
        }

        parts.Add(text[start..]);
        return parts;
    }

    private static LabelRequirement ParseOne(string part, string whole)
    {
        var match = Requirement().Match(part);
        if (!match.Success)
        {
            throw ApiStatusException.BadRequest(
                $"labelSelector \"{whole}\": unable to parse requirement \"{part}\"; "
                + "write key=value, key!=value, key in (a,b), key notin (a,b), key or !key");
        }

        if (match.Groups["missing"].Success)
        {
            return new(match.Groups["missing"].Value, LabelOperator.DoesNotExist, []);
        }

        var key = match.Groups["key"].Value;
        if (match.Groups["set"].Success)
        {
            return new(
                key,
                match.Groups["set"].Value == "in" ? LabelOperator.In : LabelOperator.NotIn,
                [.. match.Groups["values"].Value.Split(',', StringSplitOptions.TrimEntries)]);
        }

        return match.Groups["op"].Success
            ? new(
                key,
                match.Groups["op"].Value == "!=" ? LabelOperator.NotIn : LabelOperator.In,
                [match.Groups["value"].Value])
            : new(key, LabelOperator.Exists, []);
    }

    [GeneratedRegex(
        @"^(?:!\s*(?<missing>[\w./-]+)|(?<key>[\w./-]+)(?:\s+(?<set>in|notin)\s*\((?<values>[^)]*)\)|"
        + @"\s*(?<op>==|=|!=)\s*(?<value>[\w.-]*))?)$")]
    private static partial Regex Requirement();
}
