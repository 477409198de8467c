using System.Text.Json.Nodes;

namespace Kaito.DevCluster.Schemas;

/// <summary>What every write meets before it is stored, whoever writes.</summary>
internal interface IObjectRules
{
    /// <summary>
    /// First of all: throws a 400 that names every member of the wrong type. Null members of built-in kinds are dropped.
    /// </summary>
    void RequireShape(ResourceType type, JsonObject value);

    /// <summary>
    /// Defaults, prunes and validates <paramref name="value"/> in place; throws a 422 that names every wrong field.
    /// </summary>
    /// <param name="type">The resource's type.</param>
    /// <param name="value">As it would be stored.</param>
    /// <param name="stored">What it replaces, null on create.</param>
    void Admit(ResourceType type, JsonObject value, JsonObject? stored);
}
