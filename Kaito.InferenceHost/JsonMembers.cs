using System.Text.Json;

namespace Kaito.InferenceHost;

/// <summary>Reads what is kept as sent.</summary>
internal static class JsonMembers
{
    /// <summary>A member of an object; null when there is none, when it is null, and when the owner is no object.</summary>
    public static JsonElement? Member(JsonElement? owner, string name) =>
        owner is { ValueKind: JsonValueKind.Object } known && known.TryGetProperty(name, out var member)
            && member.ValueKind != JsonValueKind.Null
            ? member
            : null;
}
