// The names and meanings are those of the core v1 API.
#pragma warning disable CS1591
using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Kaito.Core.Kubernetes;

public sealed record VolumeMount
{
    public string? Name { get; init; }

    public string? MountPath { get; init; }

    public bool? ReadOnly { get; init; }
}

/// <summary>A volume of a pod; its source may be of any kind, also of one that this build does not know.</summary>
[JsonConverter(typeof(VolumeConverter))]
public sealed record Volume
{
    private Volume(string name, JsonObject source) => (Name, Source) = (name, source);

    public string Name { get; }

    /// <summary>Everything but the name, e.g. <c>{"emptyDir": {}}</c>.</summary>
    public JsonObject Source { get; }

    /// <summary>A volume source as a user wrote it.</summary>
    /// <param name="name">A DNS label.</param>
    /// <param name="source">A JSON object; its member <c>name</c>, if any, is left out.</param>
    /// <exception cref="ArgumentException">The source is not an object.</exception>
    public static Volume From(string name, JsonElement source)
    {
        if (source.ValueKind != JsonValueKind.Object)
        {
            throw new ArgumentException("A volume source is a JSON object.", nameof(source));
        }

        var members = JsonObject.Create(source)!;
        members.Remove("name");
        Quantities.AsText(members);
        return new(name, members);
    }

    public static Volume FromConfigMap(string name, string configMap) =>
        Of(name, "configMap", new() { ["name"] = configMap });

    /// <summary>An empty folder that lives as long as the pod.</summary>
    /// <param name="name">A DNS label.</param>
    /// <param name="medium"><c>Memory</c>; null for the node's disk.</param>
    public static Volume FromEmptyDir(string name, string? medium = null) =>
        Of(name, "emptyDir", medium is null ? [] : new() { ["medium"] = medium });

    public static Volume FromHostPath(string name, string path, string type) =>
        Of(name, "hostPath", new() { ["path"] = path, ["type"] = type });

    /// <summary>Some keys of Secrets, as files.</summary>
    /// <param name="name">A DNS label.</param>
    /// <param name="files">Secret, key and file name.</param>
    public static Volume FromSecrets(string name, params IEnumerable<(string Secret, string Key, string File)> files) => Of(
        name, "projected", new()
        {
            ["sources"] = new JsonArray([.. files.Select(static f => new JsonObject
            {
                ["secret"] = new JsonObject
                {
                    ["name"] = f.Secret,
                    ["items"] = new JsonArray(new JsonObject { ["key"] = f.Key, ["path"] = f.File }),
                },
            })]),
        });

    private static Volume Of(string name, string kind, JsonObject source) => new(name, new() { [kind] = source });
}

internal sealed class VolumeConverter : JsonConverter<Volume>
{
    public override Volume Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        using var read = JsonDocument.ParseValue(ref reader);
        return read.RootElement.ValueKind == JsonValueKind.Object
            && read.RootElement.TryGetProperty("name", out var name)
            && name.ValueKind == JsonValueKind.String
            ? Volume.From(name.GetString()!, read.RootElement.Clone())
            : throw new JsonException("A volume has no name.");
    }

    public override void Write(Utf8JsonWriter writer, Volume value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        writer.WriteString("name", value.Name);
        foreach (var (kind, source) in value.Source)
        {
            writer.WritePropertyName(kind);
            if (source is null)
            {
                writer.WriteNullValue();
            }
            else
            {
                source.WriteTo(writer, options);
            }
        }

        writer.WriteEndObject();
    }
}

/// <summary>A claim that a StatefulSet makes for each of its pods.</summary>
public sealed record PersistentVolumeClaimTemplate
{
    public ObjectMeta Metadata { get; init; } = new();

    public PersistentVolumeClaimSpec? Spec { get; init; }
}

public sealed record PersistentVolumeClaimSpec
{
    public ImmutableArray<string>? AccessModes { get; init; }

    public string? StorageClassName { get; init; }

    public ResourceRequirements? Resources { get; init; }
}
