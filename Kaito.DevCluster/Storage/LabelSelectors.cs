using System.Collections.Immutable;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Kaito.DevCluster.Storage;

internal enum LabelOperator
{
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

/// <summary>One condition on a label.</summary>
internal sealed record LabelRequirement(string Key, LabelOperator Operator, ImmutableArray<string> Values)
{
    public bool Matches(JsonObject? labels)
    {
        var value = labels?[Key]?.ToString();
        return Operator switch
        {
            LabelOperator.Exists => value is not null,
            LabelOperator.DoesNotExist => value is null,
            LabelOperator.In => value is not null && Values.Contains(value, StringComparer.Ordinal),
            _ => value is null || !Values.Contains(value, StringComparer.Ordinal),
        };
    }
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

    public static ImmutableArray<LabelRequirement> FromObject(JsonObject selector) =>
    [
        .. (selector["matchLabels"] as JsonObject ?? [])
            .Select(static label => new LabelRequirement(label.Key, LabelOperator.In, [label.Value?.ToString() ?? ""])),
        .. (selector["matchExpressions"] as JsonArray ?? []).OfType<JsonObject>().Select(Expression),
    ];

    private static LabelRequirement Expression(JsonObject expression)
    {
        var values = (expression["values"] as JsonArray ?? []).Select(static value => value?.ToString() ?? "");
        return Enum.TryParse<LabelOperator>(expression["operator"]?.ToString(), out var operation)
            ? new(expression["key"]?.ToString() ?? "", operation, [.. values])
            : throw ApiStatusException.BadRequest(
                $"label selector operator \"{expression["operator"]}\" is not In, NotIn, Exists or DoesNotExist");
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
