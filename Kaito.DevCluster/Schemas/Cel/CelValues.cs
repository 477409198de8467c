using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Kaito.DevCluster.Schemas.Cel;

/// <summary>Values are bool, long, double, string, null, <see cref="JsonArray"/> and <see cref="JsonObject"/>.</summary>
internal static class CelValues
{
    private static readonly TimeSpan s_patternLimit = TimeSpan.FromSeconds(1);

    public static object? Of(JsonNode? node) => node switch
    {
        null => null,
        JsonValue value => value.GetValueKind() switch
        {
            JsonValueKind.String => value.ToString(),
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            JsonValueKind.Number => Number(value.ToString()),
            _ => null,
        },
        _ => node,
    };

    public static object Number(string text) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)
            ? (object)whole
            : double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);

    public static bool Same(object? left, object? right) => (left, right) switch
    {
        (JsonNode a, JsonNode b) => JsonNode.DeepEquals(a, b),
        (long a, double b) => a == b,
        (double a, long b) => a == b,
        _ => Equals(left, right),
    };

    public static int Compare(object? left, object? right) => (left, right) switch
    {
        (long a, long b) => a.CompareTo(b),
        (string a, string b) => string.CompareOrdinal(a, b),
        (long or double, long or double) => Convert.ToDouble(left, CultureInfo.InvariantCulture)
            .CompareTo(Convert.ToDouble(right, CultureInfo.InvariantCulture)),
        _ => throw new CelException("the two values have no order"),
    };

    public static object? Member(object? owner, string name) =>
        owner is JsonObject map && map.TryGetPropertyValue(name, out var value)
            ? Of(value)
            : throw new CelException($"no such key: {name}");

    public static object? At(object? owner, object? index) => (owner, index) switch
    {
        (JsonArray list, long i) when i >= 0 && i < list.Count => Of(list[(int)i]),
        (JsonObject, string name) => Member(owner, name),
        _ => throw new CelException($"no such index: {index}"),
    };

    public static bool In(object? item, object? owner) => owner switch
    {
        JsonArray list => list.Any(each => Same(Of(each), item)),
        JsonObject map => item is string name && map.ContainsKey(name),
        _ => throw new CelException("in needs a list or a map"),
    };

    /// <summary>What exists() and all() go through: the items of a list, the keys of a map.</summary>
    public static IEnumerable<object?> Items(object? owner) => owner switch
    {
        JsonArray list => list.Select(Of),
        JsonObject map => map.Select(static member => (object?)member.Key),
        _ => throw new CelException("a list or a map is needed"),
    };

    public static object? Call(string method, object? owner, object? argument) => (method, owner, argument) switch
    {
        ("size", string text, null) => (long)text.EnumerateRunes().Count(),
        ("size", JsonArray list, null) => (long)list.Count,
        ("size", JsonObject map, null) => (long)map.Count,
        ("lowerAscii", string text, null) => string.Create(text.Length, text, static (span, source) =>
            System.Text.Ascii.ToLower(source, span, out _)),
        ("startsWith", string text, string part) => text.StartsWith(part, StringComparison.Ordinal),
        ("endsWith", string text, string part) => text.EndsWith(part, StringComparison.Ordinal),
        ("contains", string text, string part) => text.Contains(part, StringComparison.Ordinal),
        ("matches", string text, string pattern) => Regex.IsMatch(text, pattern, RegexOptions.None, s_patternLimit),
        _ => throw new CelException($"{method} does not apply"),
    };
}
