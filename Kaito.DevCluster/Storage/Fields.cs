using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Kaito.DevCluster.Storage;

/// <summary>
/// Reads and writes members of Kubernetes objects by path; a missing step, or one of another type, reads as nothing.
/// </summary>
internal static class Fields
{
    extension(JsonObject item)
    {
        /// <summary><c>metadata.name</c>, or the empty string.</summary>
        public string Name => item.Text("metadata", "name") ?? "";

        /// <summary><c>metadata.namespace</c>; empty for cluster-wide objects.</summary>
        public string Namespace => item.Text("metadata", "namespace") ?? "";

        /// <summary><c>metadata.uid</c>, or the empty string.</summary>
        public string Uid => item.Text("metadata", "uid") ?? "";

        /// <summary>Whether deletion was asked for.</summary>
        public bool Deleting => item.Text("metadata", "deletionTimestamp") is not null;

        public JsonObject Copy() => (JsonObject)item.DeepClone();

        /// <summary>Sets a member to a copy, or removes it when the value is null.</summary>
        public void Replace(string name, JsonNode? value)
        {
            if (value is null)
            {
                item.Remove(name);
            }
            else
            {
                item[name] = value.DeepClone();
            }
        }

        /// <summary>Sets a member that is absent or null.</summary>
        public void Default(string name, JsonNode value)
        {
            if (item[name] is null)
            {
                item[name] = value;
            }
        }

        /// <summary>The object at the path; made when it is absent or something else.</summary>
        public JsonObject Child(params ReadOnlySpan<string> path)
        {
            var at = item;
            foreach (var step in path)
            {
                if (at[step] is not JsonObject next)
                {
                    at[step] = next = [];
                }

                at = next;
            }

            return at;
        }
    }

    /// <summary>The node at the path, or null.</summary>
    public static JsonNode? At(this JsonNode? node, params ReadOnlySpan<string> path)
    {
        foreach (var step in path)
        {
            node = (node as JsonObject)?[step];
        }

        return node;
    }

    /// <summary>The string at the path; null when it is absent or not a string.</summary>
    public static string? String(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    /// <summary>What stands at the path as text: a string as it is, a number or boolean as its JSON text.</summary>
    public static string? Text(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is JsonValue value
            ? value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : value.ToJsonString()
            : null;

    /// <summary>The integer at the path, or null.</summary>
    public static int? Number(this JsonNode? node, params ReadOnlySpan<string> path) =>
        int.TryParse(node.Text(path), NumberStyles.Integer, CultureInfo.InvariantCulture, out var number) ? number : null;

    /// <summary>The integer that a number or its text form holds; 0 for anything else.</summary>
    public static long AsLong(this JsonValue value) =>
        long.TryParse(value.ToString(), NumberStyles.Integer, CultureInfo.InvariantCulture, out var number) ? number : 0;

    /// <summary>The boolean at the path; false when absent.</summary>
    public static bool Flag(this JsonNode? node, params ReadOnlySpan<string> path) => node.Text(path) == "true";

    /// <summary>The RFC 3339 time at the path, or null.</summary>
    public static DateTimeOffset? Time(this JsonNode? node, params ReadOnlySpan<string> path) => DateTimeOffset.TryParse(
        node.Text(path), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;

    /// <summary>The objects of the list at the path.</summary>
    public static IEnumerable<JsonObject> Objects(this JsonNode? node, params ReadOnlySpan<string> path) =>
        (node.At(path) as JsonArray)?.OfType<JsonObject>() ?? [];

    /// <summary>The strings of the list at the path.</summary>
    public static IEnumerable<string> Strings(this JsonNode? node, params ReadOnlySpan<string> path) =>
        (node.At(path) as JsonArray)?.Select(static element => element.Text()).OfType<string>() ?? [];

    /// <summary>The members of the object at the path as text, in their order.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Map(this JsonNode? node, params ReadOnlySpan<string> path) =>
        (node.At(path) as JsonObject)?.Select(static m => KeyValuePair.Create(m.Key, m.Value.Text() ?? "")) ?? [];

    /// <summary>A time as the API writes it: whole seconds, UTC.</summary>
    public static string Stamp(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>A JSON list of strings.</summary>
    public static JsonArray List(params IEnumerable<string> texts) => [.. texts.Select(static t => JsonValue.Create(t))];

    /// <summary>A JSON list of objects.</summary>
    public static JsonArray ListOf(IEnumerable<JsonObject> items) => [.. items];

    /// <summary>A JSON object of strings.</summary>
    public static JsonObject MapOf(IEnumerable<KeyValuePair<string, string>> members) =>
        new(members.Select(static m => KeyValuePair.Create(m.Key, (JsonNode?)JsonValue.Create(m.Value))));
}
