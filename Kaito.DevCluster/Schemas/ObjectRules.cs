using System.Text.Json.Nodes;

namespace Kaito.DevCluster.Schemas;

/// <summary>The rules of the served types.</summary>
internal sealed class ObjectRules : IObjectRules
{
    public void Admit(ResourceType type, JsonObject value, JsonObject? stored)
    {
    }
}
