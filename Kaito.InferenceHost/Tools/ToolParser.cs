using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core;
using Kaito.InferenceHost.Constraints;
using Kaito.InferenceHost.Models;
using Kaito.OpenAI;

namespace Kaito.InferenceHost.Tools;

/// <summary>What a request says of functions.</summary>
/// <param name="Split">How the answer is told apart.</param>
/// <param name="Grammar">The form of an answer that must be a call; null when it may be anything.</param>
internal sealed record ToolRules(SplitRules Split, Grammar? Grammar);

/// <summary>Turns tools and tool_choice into rules, or into every reason why they cannot be followed.</summary>
internal static class ToolParser
{
    private const int MostTools = 1024;

    public static ToolRules Parse(
        ChatCompletionRequest wire, ServedModel model, ImmutableArray<FieldError>.Builder found)
    {
        var functions = Functions(wire.Tools, found);
        var split = new SplitRules
        {
            Thinks = model.Text.Thinks,
            FirstCallOnly = wire.ParallelToolCalls is false,
            Schemas = functions.ToImmutableDictionary(static f => f.Name, static f => f.Parameters),
        };
        return Choice(wire.ToolChoice, functions, wire.Tools is not null, found) switch
        {
            "none" => new(split, null),
            "auto" => new(split with { Calls = model.Text.Calls }, null),
            "required" => new(split with { OnlyCalls = true }, List(functions, wire.ParallelToolCalls is not false)),
            var name => new(
                split with { OnlyArgumentsOf = name },
                Grammar.Json(functions.First(f => f.Name == name).Parameters)),
        };
    }

    private static ImmutableArray<(string Name, JsonObject Parameters)> Functions(
        IReadOnlyList<JsonElement>? tools, ImmutableArray<FieldError>.Builder found)
    {
        if (tools is { Count: 0 } or { Count: > MostTools })
        {
            found.Add(new(
                "tools", "count",
                tools.Count == 0
                    ? "`tools` must not be an empty array; leave it out or declare a function."
                    : $"tools holds {tools.Count} functions; declare at most {MostTools}."));
            return [];
        }

        var functions = ImmutableDictionary.CreateBuilder<string, JsonObject>(StringComparer.Ordinal);
        var order = ImmutableArray.CreateBuilder<(string, JsonObject)>();
        for (var i = 0; i < (tools?.Count ?? 0); i++)
        {
            if (Read(tools![i]) is not { } function)
            {
                found.Add(new(
                    $"tools.{i}", "invalid",
                    $"tools[{i}] is not a function; give {{\"type\":\"function\",\"function\":{{\"name\":…,\"parameters\":…}}}}."));
            }
            else if (functions.TryAdd(function.Name, function.Parameters))
            {
                order.Add(function);
            }
            else
            {
                found.Add(new($"tools.{i}", "duplicate", $"Two tools are named \"{function.Name}\"; rename one."));
            }
        }

        return order.ToImmutable();
    }

    private static (string Name, JsonObject Parameters)? Read(JsonElement tool)
    {
        var node = JsonSerializer.SerializeToNode(tool, OpenAIJson.Default.JsonElement) as JsonObject;
        return node?["function"] is JsonObject function
            && function["name"] is JsonValue value && value.TryGetValue<string>(out var name) && name.Length > 0
            && function["parameters"] is null or JsonObject
            ? (name, function["parameters"]?.DeepClone() as JsonObject ?? new JsonObject { ["type"] = "object" })
            : null;
    }

    /// <returns><c>none</c>, <c>auto</c>, <c>required</c> or the name of a function.</returns>
    private static string Choice(
        JsonElement? choice, ImmutableArray<(string Name, JsonObject Parameters)> functions, bool declared,
        ImmutableArray<FieldError>.Builder found)
    {
        const string Name = "tool_choice";
        var chosen = choice is null or { ValueKind: JsonValueKind.Null } ? declared ? "auto" : "none" : Named(choice.Value);
        var named = choice?.ValueKind == JsonValueKind.Object;
        if (chosen is "none" && !named)
        {
            return chosen;
        }

        if (!declared)
        {
            found.Add(new(Name, "missing-tools", "When using `tool_choice`, `tools` must be set."));
            return "none";
        }

        if (chosen is "auto" or "required" && !named)
        {
            return functions.IsEmpty ? "none" : chosen;
        }

        if (named && functions.Any(f => f.Name == chosen))
        {
            return chosen!;
        }

        found.Add(new(
            Name, "unknown",
            $"tool_choice is {choice}; give none, auto, required or a function among the tools "
            + $"({string.Join(", ", functions.Select(static f => f.Name))})."));
        return "none";
    }

    private static string? Named(JsonElement choice) => choice.ValueKind switch
    {
        JsonValueKind.String => choice.GetString(),
        JsonValueKind.Object => NameOf(choice),
        _ => null,
    };

    private static string? NameOf(JsonElement choice) =>
        choice.TryGetProperty("function", out var function) && function.ValueKind == JsonValueKind.Object
            && function.TryGetProperty("name", out var name) && name.ValueKind == JsonValueKind.String
            ? name.GetString()
            : null;

    private static Grammar List(ImmutableArray<(string Name, JsonObject Parameters)> functions, bool several)
    {
        var definitions = new JsonObject();
        var call = new JsonArray();
        foreach (var (name, parameters) in functions)
        {
            var schema = parameters.DeepClone().AsObject();
            Hoist(schema, "$defs", definitions);
            call.Add((JsonNode)new JsonObject
            {
                ["type"] = "object",
                ["properties"] = new JsonObject
                {
                    ["name"] = new JsonObject { ["const"] = name },
                    ["parameters"] = schema,
                },
                ["required"] = new JsonArray("name", "parameters"),
                ["additionalProperties"] = false,
            });
        }

        var list = new JsonObject
        {
            ["type"] = "array",
            ["minItems"] = 1,
            ["items"] = new JsonObject { ["anyOf"] = call },
        };
        if (!several)
        {
            list["maxItems"] = 1;
        }

        if (definitions.Count > 0)
        {
            list["$defs"] = definitions;
        }

        return Grammar.Json(list);
    }

    // References of a function's schema name its root, which is elsewhere now.
    private static void Hoist(JsonObject schema, string name, JsonObject into)
    {
        if (schema[name] is JsonObject definitions)
        {
            foreach (var (key, definition) in definitions)
            {
                into[key] = definition?.DeepClone();
            }

            schema.Remove(name);
        }
    }
}
