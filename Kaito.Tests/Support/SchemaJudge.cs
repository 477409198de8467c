using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Kaito.Tests.Support;

/// <summary>Judges JSON by a JSON Schema (draft 2020-12, the keywords of the corpus), without the code under test.</summary>
/// <param name="root">The whole schema, to which references lead.</param>
internal sealed partial class SchemaJudge(JsonNode root)
{
    private static readonly Dictionary<string, Func<string, bool>> s_formats = new()
    {
        ["date"] = IsDate,
        ["time"] = static text => Time().IsMatch(text),
        ["date-time"] = static text => text.Split('T', 't') is [var date, var time] && IsDate(date) && Time().IsMatch(time),
        ["uuid"] = static text => Guid.TryParseExact(text, "D", out _),
        ["ipv4"] = static text => IsAddress(text, AddressFamily.InterNetwork) && text.Split('.').Length == 4,
        ["ipv6"] = static text => IsAddress(text, AddressFamily.InterNetworkV6),
        ["email"] = static text => text.Split('@') is [_, .., { Length: > 0 }],
        ["hostname"] = static text => text.Length is > 0 and < 254 && text.Split('.').All(static label => Label().IsMatch(label)),
        ["duration"] = static text => text.StartsWith('P') && text.Length > 2,
        ["uri"] = static text => text.IndexOf(':', StringComparison.Ordinal) > 0,
    };

    /// <returns>What breaks the schema, with its place; null for a valid instance.</returns>
    public static string? Problem(JsonNode schema, string json) =>
        new SchemaJudge(schema).Find(schema, Read(JsonDocument.Parse(json).RootElement), "$").FirstOrDefault();

    // Of members of the same name the last one counts, as for most readers.
    private static JsonNode? Read(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                var map = new JsonObject();
                foreach (var member in element.EnumerateObject())
                {
                    map[member.Name] = Read(member.Value);
                }

                return map;
            case JsonValueKind.Array:
                return new JsonArray([.. element.EnumerateArray().Select(Read)]);
            case JsonValueKind.Null:
                return null;
            default:
                return JsonValue.Create(element);
        }
    }

    private IEnumerable<string> Find(JsonNode? schema, JsonNode? value, string at)
    {
        if (schema?.GetValueKind() == JsonValueKind.True)
        {
            return [];
        }

        if (schema is not JsonObject rules)
        {
            return [$"{at}: nothing is allowed"];
        }

        return rules.SelectMany(rule => Judge(rule.Key, rule.Value, rules, value, at));
    }

    private IEnumerable<string> Judge(string rule, JsonNode? wanted, JsonObject rules, JsonNode? value, string at) => rule switch
    {
        "$ref" => Find(Resolve((string)wanted!), value, at),
        "type" => Unless(Types(wanted!).Any(type => Is(type, value)), at, rule),
        "enum" => Unless(wanted!.AsArray().Any(one => Same(one, value)), at, rule),
        "const" => Unless(Same(wanted, value), at, rule),
        "allOf" => wanted!.AsArray().SelectMany(one => Find(one, value, at)),
        "anyOf" => Unless(wanted!.AsArray().Any(one => !Find(one, value, at).Any()), at, rule),
        "oneOf" => Unless(wanted!.AsArray().Count(one => !Find(one, value, at).Any()) == 1, at, rule),
        _ => OfKind(rule, wanted, rules, value, at),
    };

    private IEnumerable<string> OfKind(string rule, JsonNode? wanted, JsonObject rules, JsonNode? value, string at) => value switch
    {
        JsonObject map => OfObject(rule, wanted, rules, map, at),
        JsonArray list => OfArray(rule, wanted, rules, list, at),
        JsonValue one when Is("string", one) => OfString(rule, wanted, (string)one!, at),
        JsonValue one when Is("number", one) => OfNumber(rule, wanted, Number(one), at),
        _ => [],
    };

    private IEnumerable<string> OfObject(string rule, JsonNode? wanted, JsonObject rules, JsonObject map, string at) => rule switch
    {
        "required" => Unless(wanted!.AsArray().All(name => map.ContainsKey((string)name!)), at, rule),
        "minProperties" => Unless(map.Count >= Number(wanted!), at, rule),
        "maxProperties" => Unless(map.Count <= Number(wanted!), at, rule),
        "properties" => wanted!.AsObject().Where(p => map.ContainsKey(p.Key))
            .SelectMany(p => Find(p.Value, map[p.Key], $"{at}.{p.Key}")),
        "patternProperties" => wanted!.AsObject().SelectMany(p => map.Where(m => Regex.IsMatch(m.Key, p.Key))
            .SelectMany(m => Find(p.Value, m.Value, $"{at}.{m.Key}"))),
        "additionalProperties" => map.Where(m => !IsNamed(rules, m.Key))
            .SelectMany(m => Find(wanted, m.Value, $"{at}.{m.Key}")),
        _ => [],
    };

    private static bool IsNamed(JsonObject rules, string name) =>
        rules["properties"]?.AsObject().ContainsKey(name) is true
        || rules["patternProperties"]?.AsObject().Any(p => Regex.IsMatch(name, p.Key)) is true;

    private IEnumerable<string> OfArray(string rule, JsonNode? wanted, JsonObject rules, JsonArray list, string at)
    {
        var places = rules["prefixItems"]?.AsArray().Count ?? 0;
        return rule switch
        {
            "minItems" => Unless(list.Count >= Number(wanted!), at, rule),
            "maxItems" => Unless(list.Count <= Number(wanted!), at, rule),
            "prefixItems" => list.Take(places).SelectMany((item, i) => Find(wanted![i], item, $"{at}[{i}]")),
            "items" => list.Skip(places).SelectMany((item, i) => Find(wanted, item, $"{at}[{places + i}]")),
            _ => [],
        };
    }

    private static string[] OfString(string rule, JsonNode? wanted, string text, string at) => rule switch
    {
        "minLength" => Unless(text.EnumerateRunes().Count() >= Number(wanted!), at, rule),
        "maxLength" => Unless(text.EnumerateRunes().Count() <= Number(wanted!), at, rule),
        "pattern" => Unless(Regex.IsMatch(text, (string)wanted!, RegexOptions.ECMAScript), at, rule),
        "format" => Unless(HasFormat((string)wanted!, text), at, $"format {wanted} of {text}"),
        _ => [],
    };

    private static string[] OfNumber(string rule, JsonNode? wanted, decimal number, string at) => rule switch
    {
        "minimum" => Unless(number >= Number(wanted!), at, $"{rule}: {number}"),
        "maximum" => Unless(number <= Number(wanted!), at, $"{rule}: {number}"),
        "exclusiveMinimum" => Unless(number > Number(wanted!), at, $"{rule}: {number}"),
        "exclusiveMaximum" => Unless(number < Number(wanted!), at, $"{rule}: {number}"),
        "multipleOf" => Unless(number % Number(wanted!) == 0, at, $"{rule}: {number}"),
        _ => [],
    };

    private static string[] Unless(bool met, string at, string rule) => met ? [] : [$"{at}: {rule}"];

    private static string[] Types(JsonNode types) =>
        types is JsonArray several ? [.. several.Select(static t => (string)t!)] : [(string)types!];

    private static bool Is(string type, JsonNode? value) => value?.GetValueKind() switch
    {
        null => type == "null",
        JsonValueKind.Object => type == "object",
        JsonValueKind.Array => type == "array",
        JsonValueKind.String => type == "string",
        JsonValueKind.True or JsonValueKind.False => type == "boolean",
        _ => type == "number" || (type == "integer" && decimal.IsInteger(Number(value))),
    };

    private static decimal Number(JsonNode value) => decimal.Parse(
        value.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture);

    private static bool Same(JsonNode? one, JsonNode? other) => JsonNode.DeepEquals(one, other);

    // Only references into the schema itself, such as #/$defs/node or #.
    private JsonNode? Resolve(string reference) => reference.Split('/').Skip(1)
        .Aggregate((JsonNode?)root, static (node, name) => node?[name]);

    private static bool HasFormat(string format, string text) => s_formats[format](text);

    private static bool IsDate(string text) => Date().IsMatch(text) && DateOnly.TryParseExact(text, "yyyy-MM-dd", out _);

    private static bool IsAddress(string text, AddressFamily family) =>
        IPAddress.TryParse(text, out var address) && address.AddressFamily == family;

    [GeneratedRegex("^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    private static partial Regex Date();

    [GeneratedRegex(@"^([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?([zZ]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$")]
    private static partial Regex Time();

    [GeneratedRegex("^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$")]
    private static partial Regex Label();
}
