using System.Collections.Immutable;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Kaito.Core.Kubernetes;

namespace Kaito.Core.Api;

/// <summary>From a record to the structural OpenAPI v3 schema of its custom resource.</summary>
/// <remarks>
/// Names and shapes come from the JSON contract that the program reads with; they cannot drift apart.
/// </remarks>
internal static class CrdSchema
{
    /// <summary>The schema of a root record of <see cref="WorkspaceJson"/>.</summary>
    /// <param name="root">The record.</param>
    /// <param name="alpha">v1alpha1 rather than v1beta1.</param>
    public static JsonObject Of(Type root, bool alpha)
    {
        var schema = OfType(root, alpha);
        var properties = schema["properties"]!.AsObject();
        properties["apiVersion"]!["description"] = "Group and version of this object, e.g. kaito.sh/v1beta1.";
        properties["kind"]!["description"] = "The kind of this object.";
        properties["metadata"] = new JsonObject { ["type"] = "object" };
        return schema;
    }

    private static JsonObject OfType(Type declared, bool alpha)
    {
        var type = Nullable.GetUnderlyingType(declared) ?? declared;
        if (Scalar(type) is { } scalar)
        {
            return scalar;
        }

        var contract = WorkspaceJson.Default.GetTypeInfo(type)
            ?? throw new InvalidOperationException($"{type} is not in the contract.");
        return contract.Kind switch
        {
            JsonTypeInfoKind.Enumerable => new()
            {
                ["type"] = "array",
                ["items"] = OfType(contract.ElementType!, alpha),
            },
            JsonTypeInfoKind.Dictionary => new()
            {
                ["type"] = "object",
                ["additionalProperties"] = OfType(contract.ElementType!, alpha),
            },
            JsonTypeInfoKind.Object => OfObject(contract, alpha),
            _ => throw new InvalidOperationException($"{type} has no schema."),
        };
    }

    private static JsonObject? Scalar(Type type)
    {
        if (type == typeof(string))
        {
            return new() { ["type"] = "string" };
        }

        if (type == typeof(bool))
        {
            return new() { ["type"] = "boolean" };
        }

        if (type == typeof(int))
        {
            return new() { ["type"] = "integer", ["format"] = "int32" };
        }

        if (type == typeof(long))
        {
            return new() { ["type"] = "integer", ["format"] = "int64" };
        }

        if (type == typeof(DateTimeOffset))
        {
            return new() { ["type"] = "string", ["format"] = "date-time" };
        }

        return type == typeof(JsonElement)
            ? new() { ["type"] = "object", ["x-kubernetes-preserve-unknown-fields"] = true }
            : null;
    }

    private static JsonObject OfObject(JsonTypeInfo contract, bool alpha)
    {
        var schema = new JsonObject();
        if (contract.Type.GetCustomAttribute<FieldAttribute>() is { } about)
        {
            schema["description"] = about.Description;
        }

        schema["type"] = "object";
        var properties = new JsonObject();
        var required = new JsonArray();
        foreach (var property in contract.Properties.OrderBy(static p => p.Name, StringComparer.Ordinal))
        {
            if (property is { Get: null, Set: null })
            {
                // Not part of the JSON.
                continue;
            }

            var field = FieldOf(property);
            // metadata belongs to the API server; its schema is fixed.
            properties[property.Name] = property.PropertyType == typeof(ObjectMeta)
                ? new JsonObject()
                : OfProperty(property, field, alpha);
            if (field is { Required: true })
            {
                required.Add((JsonNode)property.Name);
            }
        }

        schema["properties"] = properties;
        if (required.Count > 0)
        {
            schema["required"] = required;
        }

        if (contract.Type == typeof(LabelSelector))
        {
            schema["x-kubernetes-map-type"] = "atomic";
        }

        AddRules(schema, contract.Type.GetCustomAttributes<RuleAttribute>());
        return schema;
    }

    private static JsonObject OfProperty(JsonPropertyInfo property, FieldAttribute? field, bool alpha)
    {
        var schema = OfType(property.PropertyType, alpha);
        if (field is not null)
        {
            Constrain(schema, field, alpha);
        }

        AddRules(schema, AttributesOf<RuleAttribute>(property));

        if (property.PropertyType == typeof(ImmutableArray<Condition>?))
        {
            schema["x-kubernetes-list-type"] = "map";
            schema["x-kubernetes-list-map-keys"] = new JsonArray("type");
        }

        return schema;
    }

    private static void Constrain(JsonObject schema, FieldAttribute field, bool alpha)
    {
        schema.Remove("description");
        schema.Insert(0, "description", field.Description);
        if ((alpha ? field.AlphaDefault ?? field.Default : field.Default) is { } text)
        {
            schema["default"] = JsonNode.Parse(text);
        }

        if (field.Enum.Length > 0)
        {
            schema["enum"] = new JsonArray([.. field.Enum.Select(static value => (JsonNode)value)]);
        }

        AddUnless(schema, "minimum", field.Minimum, long.MinValue);
        AddUnless(schema, "minLength", field.MinLength, -1);
        AddUnless(schema, "maxLength", field.MaxLength, -1);
        if (field.Pattern is { } pattern)
        {
            schema["pattern"] = pattern;
        }
    }

    private static void AddUnless(JsonObject schema, string name, long value, long none)
    {
        if (value != none)
        {
            schema[name] = value;
        }
    }

    private static void AddRules(JsonObject schema, IEnumerable<RuleAttribute> rules)
    {
        foreach (var rule in rules)
        {
            if (schema[CrdManifest.RulesField] is not JsonArray list)
            {
                schema[CrdManifest.RulesField] = list = [];
            }

            list.Add((JsonNode)new JsonObject { ["message"] = rule.Message, ["rule"] = rule.Expression });
        }
    }

    private static FieldAttribute? FieldOf(JsonPropertyInfo property) => AttributesOf<FieldAttribute>(property).SingleOrDefault();

    private static IEnumerable<T> AttributesOf<T>(JsonPropertyInfo property)
        where T : Attribute =>
        property.AttributeProvider?.GetCustomAttributes(typeof(T), inherit: false).OfType<T>() ?? [];
}
