using System.Collections.Immutable;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Schemas;

/// <summary>Whether the schema of a custom resource definition can be worked with.</summary>
internal static class SchemaRules
{
    private static readonly string[] s_types = ["object", "array", "string", "integer", "number", "boolean"];

    /// <summary>Adds what is wrong with the schema and those inside it.</summary>
    public static void Check(JsonObject schema, string path, ImmutableArray<StatusCause>.Builder causes)
    {
        if (schema["type"] is { } type && !s_types.Contains(schema.String("type")))
        {
            causes.Add(StatusCause.NotSupported($"{path}.type", type, s_types));
        }

        CheckPattern(schema, path, causes);
        foreach (var member in (string[])["properties", "patternProperties", "definitions"])
        {
            foreach (var (name, child) in Members(schema, member, path, causes))
            {
                CheckChild(child, $"{path}.{member}[{name}]", causes);
            }
        }

        foreach (var member in (string[])["items", "not"])
        {
            if (schema.ContainsKey(member))
            {
                CheckChild(schema[member], $"{path}.{member}", causes);
            }
        }

        if (schema["additionalProperties"] is JsonObject each)
        {
            Check(each, $"{path}.additionalProperties", causes);
        }

        foreach (var member in (string[])["allOf", "anyOf", "oneOf"])
        {
            foreach (var part in schema[member] as JsonArray ?? [])
            {
                CheckChild(part, $"{path}.{member}", causes);
            }
        }
    }

    private static void CheckPattern(JsonObject schema, string path, ImmutableArray<StatusCause>.Builder causes)
    {
        if (schema.String("pattern") is not { } pattern)
        {
            return;
        }

        try
        {
            _ = new Regex(pattern, RegexOptions.NonBacktracking);
        }
        catch (Exception unreadable) when (unreadable is ArgumentException or NotSupportedException)
        {
            causes.Add(StatusCause.Invalid($"{path}.pattern", pattern, $"must be a valid regular expression: {unreadable.Message}"));
        }
    }

    private static JsonObject Members(
        JsonObject schema, string member, string path, ImmutableArray<StatusCause>.Builder causes)
    {
        if (schema[member] is { } wrong and not JsonObject)
        {
            causes.Add(StatusCause.WrongType($"{path}.{member}", wrong, "object", "something else"));
        }

        return schema[member] as JsonObject ?? [];
    }

    private static void CheckChild(JsonNode? child, string path, ImmutableArray<StatusCause>.Builder causes)
    {
        if (child is JsonObject schema)
        {
            Check(schema, path, causes);
        }
        else
        {
            causes.Add(StatusCause.WrongType(path, child, "object", "something else"));
        }
    }
}
