using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Schemas;

/// <summary>Validates against a structural schema; <see cref="Cel.CelCheck"/> checks the rules written in CEL.</summary>
internal static class SchemaCheck
{
    private static readonly HashSet<string> s_served = ["apiVersion", "kind", "metadata"];
    private static readonly TimeSpan s_patternLimit = TimeSpan.FromSeconds(1);

    /// <summary>Every violation, with the path of its field.</summary>
    public static ImmutableArray<StatusCause> Check(JsonObject schema, JsonObject value)
    {
        var causes = ImmutableArray.CreateBuilder<StatusCause>();
        CheckMap(schema, value, "", causes, root: true);
        return causes.ToImmutable();
    }

    /// <summary>Every violation of a value that is not a whole object.</summary>
    public static ImmutableArray<StatusCause> CheckValue(JsonObject schema, JsonNode? value, string path)
    {
        var causes = ImmutableArray.CreateBuilder<StatusCause>();
        CheckNode(schema, value, path, causes);
        return causes.ToImmutable();
    }

    private static void CheckNode(
        JsonObject schema, JsonNode? value, string path, ImmutableArray<StatusCause>.Builder causes)
    {
        if (value is null)
        {
            if (!schema.Flag("nullable"))
            {
                causes.Add(StatusCause.WrongType(path, null, schema.String("type") ?? "value", "null"));
            }

            return;
        }

        if (!TypeFits(schema, value))
        {
            causes.Add(StatusCause.WrongType(path, value, Wanted(schema), TypeOf(value)));
            return;
        }

        CheckEnum(schema, value, path, causes);
        switch (value)
        {
            case JsonObject map:
                CheckMap(schema, map, path, causes, root: false);
                break;
            case JsonArray list:
                CheckList(schema, list, path, causes);
                break;
            case JsonValue scalar:
                CheckScalar(schema, scalar, path, causes);
                break;
        }

        CheckCombined(schema, value, path, causes);
    }

    private static void CheckEnum(
        JsonObject schema, JsonNode value, string path, ImmutableArray<StatusCause>.Builder causes)
    {
        if (schema["enum"] is JsonArray allowed && !allowed.Any(item => JsonNode.DeepEquals(item, value)))
        {
            causes.Add(StatusCause.NotSupported(path, value, allowed.Select(static item => item?.ToJsonString() ?? "null")));
        }
    }

    private static void CheckRequired(
        JsonObject schema, JsonObject map, string path, ImmutableArray<StatusCause>.Builder causes)
    {
        foreach (var name in (schema["required"] as JsonArray ?? []).Select(static name => name?.ToString() ?? ""))
        {
            if (!map.ContainsKey(name))
            {
                causes.Add(StatusCause.Required(Join(path, name)));
            }
        }
    }

    private static void CheckMap(
        JsonObject schema, JsonObject map, string path, ImmutableArray<StatusCause>.Builder causes, bool root)
    {
        CheckRequired(schema, map, path, causes);
        Bounds(schema, "minProperties", "maxProperties", map.Count, path, "properties", causes);
        var properties = schema["properties"] as JsonObject;
        foreach (var (name, child) in map)
        {
            if (root && s_served.Contains(name))
            {
                continue;
            }

            var known = properties?[name] as JsonObject;
            if ((known ?? schema["additionalProperties"] as JsonObject) is { } inner)
            {
                CheckNode(inner, child, known is null ? $"{path}[{name}]" : Join(path, name), causes);
            }
        }
    }

    private static void CheckList(
        JsonObject schema, JsonArray list, string path, ImmutableArray<StatusCause>.Builder causes)
    {
        Bounds(schema, "minItems", "maxItems", list.Count, path, "items", causes);
        if (schema["items"] is JsonObject items)
        {
            for (var i = 0; i < list.Count; i++)
            {
                CheckNode(items, list[i], string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]"), causes);
            }
        }

        var keys = schema.String("x-kubernetes-list-type") switch
        {
            "set" => list.Select(static item => item?.ToJsonString() ?? "null"),
            "map" => list.Select(item => string.Join('|', (schema["x-kubernetes-list-map-keys"] as JsonArray ?? [])
                .Select(key => item.At(key?.ToString() ?? "")?.ToJsonString() ?? ""))),
            _ => [],
        };
        foreach (var twice in keys.GroupBy(static key => key).Where(static same => same.Count() > 1))
        {
            causes.Add(new("FieldValueDuplicate", path, $"Duplicate value: {twice.Key}"));
        }
    }

    private static void CheckScalar(
        JsonObject schema, JsonValue value, string path, ImmutableArray<StatusCause>.Builder causes)
    {
        if (value.GetValueKind() == JsonValueKind.String)
        {
            var text = value.ToString();
            Bounds(schema, "minLength", "maxLength", text.EnumerateRunes().Count(), path, "characters", causes);
            if (schema.String("pattern") is { } pattern && !Matches(text, pattern))
            {
                causes.Add(StatusCause.Invalid(path, value, $"should match '{pattern}'"));
            }
        }
        else if (value.GetValueKind() == JsonValueKind.Number)
        {
            CheckNumber(schema, value, path, causes);
        }
    }

    // Linear in the text. A pattern that .NET cannot read was refused with its definition.
    private static bool Matches(string text, string pattern)
    {
        try
        {
            return Regex.IsMatch(text, pattern, RegexOptions.NonBacktracking, s_patternLimit);
        }
        catch (Exception unreadable) when (unreadable is ArgumentException or NotSupportedException)
        {
            return true;
        }
        catch (RegexMatchTimeoutException)
        {
            return false;
        }
    }

    private static void CheckNumber(
        JsonObject schema, JsonValue value, string path, ImmutableArray<StatusCause>.Builder causes)
    {
        var number = Number(value) ?? 0;
        if (Number(schema["minimum"]) is { } least && (number < least || (number == least && Is(schema, "exclusiveMinimum"))))
        {
            causes.Add(StatusCause.Invalid(path, value, $"should be greater than or equal to {Shown(least)}"));
        }

        if (Number(schema["maximum"]) is { } most && (number > most || (number == most && Is(schema, "exclusiveMaximum"))))
        {
            causes.Add(StatusCause.Invalid(path, value, $"should be less than or equal to {Shown(most)}"));
        }

        CheckStep(schema, value, number, path, causes);
    }

    private static void CheckStep(
        JsonObject schema, JsonValue value, double number, string path, ImmutableArray<StatusCause>.Builder causes)
    {
        if (Number(schema["multipleOf"]) is { } step && step > 0 && number % step != 0)
        {
            causes.Add(StatusCause.Invalid(path, value, $"should be a multiple of {Shown(step)}"));
        }
    }

    private static void CheckCombined(
        JsonObject schema, JsonNode value, string path, ImmutableArray<StatusCause>.Builder causes)
    {
        foreach (var part in (schema["allOf"] as JsonArray ?? []).OfType<JsonObject>())
        {
            CheckNode(part, value, path, causes);
        }

        if (schema["anyOf"] is JsonArray any && Fitting(any, value) == 0)
        {
            causes.Add(StatusCause.Invalid(path, value, "must validate at least one schema (anyOf)"));
        }

        if (schema["oneOf"] is JsonArray one && Fitting(one, value) != 1)
        {
            causes.Add(StatusCause.Invalid(path, value, "must validate one and only one schema (oneOf)"));
        }

        if (schema["not"] is JsonObject not && Fitting(new JsonArray(not.Copy()), value) == 1)
        {
            causes.Add(StatusCause.Invalid(path, value, "must not validate the schema (not)"));
        }
    }

    private static int Fitting(JsonArray schemas, JsonNode value) => schemas.OfType<JsonObject>().Count(schema =>
    {
        var causes = ImmutableArray.CreateBuilder<StatusCause>();
        CheckNode(schema, value, "", causes);
        return causes.Count == 0;
    });

    private static void Bounds(
        JsonObject schema,
        string least,
        string most,
        int count,
        string path,
        string unit,
        ImmutableArray<StatusCause>.Builder causes)
    {
        if (schema[least] is JsonValue low && count < low.AsLong())
        {
            causes.Add(StatusCause.Invalid(path, count, $"should have at least {low} {unit}"));
        }

        if (schema[most] is JsonValue high && count > high.AsLong())
        {
            causes.Add(new("FieldValueTooLong", path, $"Too many: {count}: must have at most {high} {unit}"));
        }
    }

    private static bool Is(JsonObject schema, string name) => schema[name]?.ToString() == "true";

    private static bool TypeFits(JsonObject schema, JsonNode value)
    {
        var found = TypeOf(value);
        return schema["x-kubernetes-int-or-string"]?.ToString() == "true"
            ? found is "integer" or "string"
            : schema.String("type") is not { Length: > 0 } wanted
                || wanted == found
                || (wanted == "number" && found == "integer");
    }

    private static string Wanted(JsonObject schema) =>
        schema["x-kubernetes-int-or-string"]?.ToString() == "true" ? "integer or string" : schema.String("type") ?? "";

    private static string TypeOf(JsonNode value) => value.GetValueKind() switch
    {
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "array",
        JsonValueKind.String => "string",
        JsonValueKind.True or JsonValueKind.False => "boolean",
        _ => Number(value) is { } number && number == Math.Floor(number) ? "integer" : "number",
    };

    private static double? Number(JsonNode? node) =>
        double.TryParse(node?.ToString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static string Shown(double number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
