using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Schemas.Cel;

/// <summary>Checks the CEL rules (x-kubernetes-validations) of a structural schema.</summary>
/// <remarks>
/// As on a real server, a rule about <c>oldSelf</c> is checked where both values exist, and not inside lists, whose items
/// have no counterpart.
/// </remarks>
internal static class CelCheck
{
    /// <summary>Every broken rule, with the path of its field.</summary>
    public static ImmutableArray<StatusCause> Check(JsonObject schema, JsonObject value, JsonObject? stored)
    {
        var causes = ImmutableArray.CreateBuilder<StatusCause>();
        Visit(schema, value, stored, "", causes);
        return causes.ToImmutable();
    }

    private static void Visit(
        JsonObject schema, JsonNode? value, JsonNode? old, string path, ImmutableArray<StatusCause>.Builder causes)
    {
        if (value is null)
        {
            return;
        }

        foreach (var rule in (schema["x-kubernetes-validations"] as JsonArray ?? []).OfType<JsonObject>())
        {
            CheckRule(rule, value, old, path, causes);
        }

        switch (value)
        {
            case JsonObject map:
                VisitMembers(schema, map, old as JsonObject, path, causes);
                break;
            case JsonArray list when schema["items"] is JsonObject items:
                for (var i = 0; i < list.Count; i++)
                {
                    Visit(items, list[i], null, string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]"), causes);
                }

                break;
            default:
                break;
        }
    }

    private static void VisitMembers(
        JsonObject schema, JsonObject map, JsonObject? old, string path, ImmutableArray<StatusCause>.Builder causes)
    {
        foreach (var (name, child) in map)
        {
            if ((schema["properties"]?[name] ?? schema["additionalProperties"]) is JsonObject inner)
            {
                Visit(inner, child, old?[name], path.Length == 0 ? name : $"{path}.{name}", causes);
            }
        }
    }

    private static void CheckRule(
        JsonObject rule, JsonNode value, JsonNode? old, string path, ImmutableArray<StatusCause>.Builder causes)
    {
        if (CelRule.Read($"{rule["rule"]}") is not { } read || (read.NamesOldSelf && old is null))
        {
            return;
        }

        if (!read.Holds(value, old))
        {
            causes.Add(StatusCause.Invalid(
                path.Length == 0 ? "<nil>" : path,
                value switch { JsonArray => "array", JsonObject => "object", _ => value },
                $"{rule["message"] ?? $"failed rule: {rule["rule"]}"}"));
        }
    }
}
