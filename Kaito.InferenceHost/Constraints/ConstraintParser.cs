using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core;
using Kaito.InferenceHost.Models;
using Kaito.OpenAI;

namespace Kaito.InferenceHost.Constraints;

/// <summary>Turns what a request says of its answer's form into a compiled grammar, or into the reason why it cannot.</summary>
internal static class ConstraintParser
{
    private const int LongestGrammar = 256 << 10;
    private const int MostChoices = 10_000;

    private const string Path = "structured_outputs";

    /// <param name="wire">The request.</param>
    /// <param name="call">The form of a call that must be made, which wins; null for none.</param>
    /// <param name="model">The model.</param>
    /// <param name="found">Receives errors.</param>
    /// <returns>Null when the answer is free, or when an error was found.</returns>
    public static GrammarMatcher? Parse(
        SamplingRequest wire, Grammar? call, ServedModel model, ImmutableArray<FieldError>.Builder found)
    {
        ImmutableArray<(string Path, Grammar Grammar)> asked =
            call is not null ? [("tools", call)] : [.. Forms(wire, found)];
        if (asked.Length > 1)
        {
            found.Add(new(
                asked[1].Path, "exclusive",
                $"{string.Join(" and ", asked.Select(static a => a.Path))} both say what the answer must look like; give one."));
        }

        if (asked is not [var (path, grammar)])
        {
            return null;
        }

        if (grammar.Text.Length > LongestGrammar)
        {
            found.Add(new(
                path, "too-long", $"{path} has {grammar.Text.Length} characters; give at most {LongestGrammar}."));
            return null;
        }

        try
        {
            return model.Grammars.Compile(grammar);
        }
        catch (GrammarException wrong)
        {
            found.Add(new(path, "invalid", $"{path} cannot be served: {wrong.Message}"));
            return null;
        }
    }

    private static IEnumerable<(string Path, Grammar Grammar)> Forms(
        SamplingRequest wire, ImmutableArray<FieldError>.Builder found)
    {
        if (wire.ResponseFormat is { ValueKind: not JsonValueKind.Null } format && OfFormat(format, found) is { } formatted)
        {
            yield return ("response_format", formatted);
        }

        if (wire.StructuredOutputs is { ValueKind: not JsonValueKind.Null } structured)
        {
            foreach (var (name, grammar) in OfStructured(structured, found))
            {
                yield return ($"{Path}.{name}", grammar);
            }
        }

        (string Name, JsonElement? Value)[] older =
        [
            ("json", wire.GuidedJson), ("regex", wire.GuidedRegex), ("choice", wire.GuidedChoice),
            ("grammar", wire.GuidedGrammar),
        ];
        foreach (var (name, value) in older)
        {
            if (value is { ValueKind: not JsonValueKind.Null } given && Of(name, given, $"guided_{name}", found) is { } grammar)
            {
                yield return ($"guided_{name}", grammar);
            }
        }
    }

    private static Grammar? OfFormat(JsonElement format, ImmutableArray<FieldError>.Builder found)
    {
        const string Name = "response_format";
        var type = JsonMembers.Member(format, "type") is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;
        switch (type)
        {
            case "text":
                return null;
            case "json_object":
                return Grammar.Object;
            case "json_schema" when JsonMembers.Member(JsonMembers.Member(format, "json_schema"), "schema") is { } schema:
                return Of("json", schema, $"{Name}.json_schema.schema", found);
            case "json_schema":
                found.Add(new(
                    $"{Name}.json_schema", "missing",
                    "response_format.json_schema.schema is missing; give a JSON Schema."));
                return null;
            default:
                found.Add(new(
                    Name, "unknown", $"response_format has type '{type}'; give text, json_object or json_schema."));
                return null;
        }
    }

    private static IEnumerable<(string Name, Grammar Grammar)> OfStructured(
        JsonElement structured, ImmutableArray<FieldError>.Builder found)
    {
        if (structured.ValueKind != JsonValueKind.Object)
        {
            found.Add(new(Path, "invalid", $"{Path} is not an object; give one of json, regex, choice, grammar, json_object."));
            yield break;
        }

        foreach (var member in structured.EnumerateObject().Where(static m => m.Value.ValueKind != JsonValueKind.Null))
        {
            switch (member.Name)
            {
                case "json" or "regex" or "choice" or "grammar"
                    when Of(member.Name, member.Value, $"{Path}.{member.Name}", found) is { } grammar:
                    yield return (member.Name, grammar);
                    break;
                case "json_object" when member.Value.ValueKind == JsonValueKind.True:
                    yield return (member.Name, Grammar.Object);
                    break;
                case "structural_tag":
                    found.Add(new(
                        $"{Path}.structural_tag", "unsupported",
                        "This server knows no structural tags; give json, regex, choice or grammar."));
                    break;
                default:
                    break;
            }
        }
    }

    private static Grammar? Of(string kind, JsonElement value, string path, ImmutableArray<FieldError>.Builder found)
    {
        switch (kind)
        {
            case "json":
                return Schema(value) is { } schema
                    ? Grammar.Json(schema)
                    : Wrong(path, "a JSON Schema, as an object or as text", found);
            case "choice":
                return AreChoices(value)
                    ? Grammar.Choice(value.EnumerateArray().Select(static c => c.GetString()!))
                    : Wrong(path, $"a list of 1 to {MostChoices} texts, none empty", found);
            default:
                return value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text
                    ? kind == "regex" ? Grammar.Regex(text) : Grammar.Lark(text)
                    : Wrong(path, kind == "regex" ? "a regular expression" : "a grammar in Lark's form", found);
        }
    }

    private static bool AreChoices(JsonElement value) => value.ValueKind == JsonValueKind.Array
        && value.GetArrayLength() is > 0 and <= MostChoices
        && value.EnumerateArray().All(static c => c.ValueKind == JsonValueKind.String && c.GetString() != "");

    private static JsonNode? Schema(JsonElement value)
    {
        try
        {
            var node = value.ValueKind == JsonValueKind.String
                ? JsonNode.Parse(value.GetString()!)
                : JsonSerializer.SerializeToNode(value, OpenAIJson.Default.JsonElement);
            return node is JsonObject || node?.GetValueKind() is JsonValueKind.True ? node : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static Grammar? Wrong(string path, string expected, ImmutableArray<FieldError>.Builder found)
    {
        found.Add(new(path, "invalid", $"{path} is not {expected}."));
        return null;
    }
}
