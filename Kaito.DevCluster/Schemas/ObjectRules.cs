using System.Text.Json.Nodes;
using Kaito.DevCluster.Schemas.Cel;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Schemas;

/// <summary>The rules of the served types: schemas for custom resources, hand-written ones for built-in kinds.</summary>
internal sealed class ObjectRules(TimeProvider clock) : IObjectRules
{
    public void RequireShape(ResourceType type, JsonObject value) => ObjectShape.Require(type, value);

    public void Admit(ResourceType type, JsonObject value, JsonObject? stored)
    {
        if (stored is null && type.StorageVersion.HasStatus && type.Kind != "Node")
        {
            value.Remove("status");
        }

        if (type.Custom)
        {
            AdmitCustom(type, value, stored);
            return;
        }

        if (type.Resource == CustomTypes.Definitions)
        {
            DefinitionRules.Admit(value, stored, clock.GetUtcNow());
            return;
        }

        BuiltinDefaults.Fill(type, value, stored is null);
        BuiltinChecks.Require(type, value);
    }

    private static void AdmitCustom(ResourceType type, JsonObject value, JsonObject? stored)
    {
        if (type.StorageVersion.Schema is not { } schema)
        {
            return;
        }

        SchemaShape.Prune(schema, value);
        SchemaShape.Default(schema, value);
        var causes = SchemaCheck.Check(schema, value);
        if (causes.IsEmpty)
        {
            causes = CelCheck.Check(schema, value, stored);
        }

        if (causes.Length > 0)
        {
            throw ApiStatusException.Invalid(type.Group, type.Kind, value.Name, causes);
        }
    }
}
