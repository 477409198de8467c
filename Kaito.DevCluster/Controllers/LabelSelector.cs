using System.Globalization;
using System.Text.Json.Nodes;

namespace Kaito.DevCluster.Controllers;

/// <summary>Matches labels against the selectors of workloads, Services and node affinity.</summary>
internal static class LabelSelector
{
    /// <summary>A <c>metav1.LabelSelector</c>; null matches nothing, the empty one everything.</summary>
    public static bool Matches(JsonNode? selector, JsonObject item) =>
        selector is JsonObject
        && MatchesMap(selector.At("matchLabels"), item)
        && selector.Objects("matchExpressions").All(e => MatchesExpression(e, item));

    /// <summary>A plain map of labels: every one must be equal.</summary>
    public static bool MatchesMap(JsonNode? labels, JsonObject item) =>
        labels.Map().All(wanted => item.At("metadata", "labels").Text(wanted.Key) == wanted.Value);

    /// <summary>The terms of a required node affinity: one of them must match, an empty term never does.</summary>
    public static bool MatchesAnyTerm(IEnumerable<JsonObject> terms, JsonObject node) => terms.Any(term =>
        (term.Objects("matchExpressions").Any() || term.Objects("matchFields").Any())
        && term.Objects("matchExpressions").All(e => MatchesExpression(e, node))
        && term.Objects("matchFields").All(e => MatchesValue(e, node.Name)));

    private static bool MatchesExpression(JsonObject expression, JsonObject item) =>
        MatchesValue(expression, item.At("metadata", "labels").Text(expression.Text("key") ?? ""));

    private static bool MatchesValue(JsonObject expression, string? actual)
    {
        var values = expression.Strings("values");
        return expression.Text("operator") switch
        {
            "In" => actual is not null && values.Contains(actual),
            "NotIn" => actual is null || !values.Contains(actual),
            "Exists" => actual is not null,
            "DoesNotExist" => actual is null,
            "Gt" => Compare(actual, values.FirstOrDefault()) > 0,
            "Lt" => Compare(actual, values.FirstOrDefault()) < 0,
            _ => false,
        };
    }

    // Null when either side is no integer; then neither Gt nor Lt holds.
    private static int? Compare(string? actual, string? bound) =>
        long.TryParse(actual, CultureInfo.InvariantCulture, out var left)
        && long.TryParse(bound, CultureInfo.InvariantCulture, out var right)
            ? left.CompareTo(right)
            : null;
}
