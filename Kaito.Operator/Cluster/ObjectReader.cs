using System.Text.Json;
using Kaito.Core;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Cluster;

/// <summary>PURE: from the API server's JSON to our records.</summary>
internal static class ObjectReader
{
    private const int ShownCharacters = 60;

    /// <summary>
    /// The object; only its metadata and, if readable, its status where the rest does not have the record's types: one
    /// odd
    /// object among many must not blind the operator to the others.
    /// </summary>
    public static T Read<T>(JsonElement item, KubeKind<T> kind)
        where T : class, IKubeObject
    {
        try
        {
            return item.Deserialize(kind.Contract) ?? throw new JsonException($"The API server sent no {kind.Kind}.");
        }
        catch (JsonException wrong) when (item.ValueKind == JsonValueKind.Object && item.TryGetProperty(
            "metadata", out _))
        {
            return kind.Unreadable(Reduced(item, kind), Explain(item, kind, wrong.Path));
        }
    }

    private static T Reduced<T>(JsonElement item, KubeKind<T> kind)
        where T : class, IKubeObject
    {
        try
        {
            return Only(item, kind, "metadata", "status");
        }
        catch (JsonException)
        {
            return Only(item, kind, "metadata");
        }
    }

    private static T Only<T>(JsonElement item, KubeKind<T> kind, params ReadOnlySpan<string> members)
        where T : class, IKubeObject
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            foreach (var member in members)
            {
                if (item.TryGetProperty(member, out var value))
                {
                    writer.WritePropertyName(member);
                    value.WriteTo(writer);
                }
            }

            writer.WriteEndObject();
        }

        return JsonSerializer.Deserialize(buffer.ToArray(), kind.Contract)!;
    }

    private static FieldError Explain<T>(JsonElement item, KubeKind<T> kind, string? jsonPath)
        where T : class, IKubeObject
    {
        var path = (jsonPath ?? "$").TrimStart('$', '.');
        var value = Find(item, path) is { } found ? found.GetRawText() : "";
        value = value.Length > ShownCharacters ? value[..ShownCharacters] + "..." : value;
        return new(
            path, "wrong-type",
            $"{value} has the wrong type or is out of range. See kubectl explain {kind.Plural}.{Plain(path)}.");
    }

    // Example: inference.adapters[0].source
    private static JsonElement? Find(JsonElement item, string path)
    {
        foreach (var step in path.Split(['.', '['], StringSplitOptions.RemoveEmptyEntries))
        {
            if (step.EndsWith(']') && item.ValueKind == JsonValueKind.Array
                && int.TryParse(step.AsSpan(..^1), out var index) && index < item.GetArrayLength())
            {
                item = item[index];
            }
            else if (item.ValueKind != JsonValueKind.Object || !item.TryGetProperty(step, out item))
            {
                return null;
            }
        }

        return item;
    }

    private static string Plain(string path) =>
        string.Join('.', path.Split('.').Select(static step => step.Split('[')[0]));
}
