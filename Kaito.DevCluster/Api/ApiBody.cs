using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace Kaito.DevCluster.Api;

/// <summary>Reads request bodies: JSON, or YAML where the media type says so.</summary>
internal static class ApiBody
{
    /// <summary>Large enough for any object that a real API server takes (its own limit is 3 MiB).</summary>
    private const int LimitBytes = 4 << 20;

    private const int LimitNodes = 500_000;
    private const int LimitDepth = 64;

    private static readonly JsonDocumentOptions s_json = new()
    {
        MaxDepth = LimitDepth,
        AllowDuplicateProperties = false,
    };

    public static async Task<JsonNode?> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        using var buffer = new MemoryStream();
        var chunk = new byte[16 << 10];
        int read;
        while ((read = await request.Body.ReadAsync(chunk, cancellationToken)) > 0)
        {
            if (buffer.Length + read > LimitBytes)
            {
                throw new ApiStatusException(
                    new(413, "RequestEntityTooLarge", $"the body is larger than the limit of {LimitBytes} bytes"));
            }

            buffer.Write(chunk, 0, read);
        }

        if (request.ContentType?.Contains("vnd.kubernetes.protobuf", StringComparison.OrdinalIgnoreCase) == true)
        {
            return ProtobufBody.Parse(buffer.GetBuffer().AsSpan(0, (int)buffer.Length));
        }

        return buffer.Length == 0
            ? null
            : Parse(Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length), request.ContentType);
    }

    /// <exception cref="ApiStatusException">A 415 for a media type of no object, a 400 for anything but one object.</exception>
    public static async Task<JsonObject> ReadObjectAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var mediaType = request.ContentType?.Split(';')[0].Trim().ToLowerInvariant() ?? "";
        if (mediaType is not ("" or "application/json" or "application/yaml" or "application/vnd.kubernetes.protobuf"))
        {
            throw ApiStatusException.UnsupportedMediaType(mediaType, "application/json", "application/yaml");
        }

        return await ReadAsync(request, cancellationToken) as JsonObject
            ?? throw ApiStatusException.BadRequest("the body must be one Kubernetes object");
    }

    public static JsonNode? Parse(string text, string? mediaType)
    {
        try
        {
            var node = mediaType?.Contains("yaml", StringComparison.OrdinalIgnoreCase) == true && !IsJson(text)
                ? FromYaml(text)
                : JsonNode.Parse(text, null, s_json);
            var left = LimitNodes;
            RequireReadable(node, ref left);
            return node;
        }
        catch (InvalidOperationException broken)
        {
            throw ApiStatusException.BadRequest($"the body has text that is no Unicode: {broken.Message}");
        }
        catch (JsonException broken)
        {
            throw ApiStatusException.BadRequest($"the body is not valid JSON: {broken.Message}");
        }
        catch (YamlException broken)
        {
            throw ApiStatusException.BadRequest($"the body is not valid YAML: {broken.Start}: {broken.Message}");
        }
    }

    private static bool IsJson(string text) => text.AsSpan().TrimStart() is ['{' or '[', ..];

    // Texts are decoded when they are first read: here rather than somewhere later.
    private static void RequireReadable(JsonNode? node, ref int left)
    {
        if (--left < 0)
        {
            throw new ApiStatusException(
                new(413, "RequestEntityTooLarge", $"the body has more than {LimitNodes} members and items"));
        }

        switch (node)
        {
            case JsonObject map:
                foreach (var (_, child) in map)
                {
                    RequireReadable(child, ref left);
                }

                break;
            case JsonArray list:
                foreach (var item in list)
                {
                    RequireReadable(item, ref left);
                }

                break;
            case JsonValue value when value.GetValueKind() == JsonValueKind.String:
                _ = value.GetValue<string>();
                break;
        }
    }

    /// <summary>The first document of a text.</summary>
    internal static JsonNode? FromYaml(string text)
    {
        RequirePlain(text);
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        return stream.Documents.Count == 0 ? null : FromYaml(stream.Documents[0].RootNode);
    }

    // Before the tree is built, which recurses as deep as the text nests and as wide as its aliases repeat.
    private static void RequirePlain(string text)
    {
        var parser = new Parser(new StringReader(text));
        var depth = 0;
        while (parser.MoveNext())
        {
            depth += parser.Current switch
            {
                MappingStart or SequenceStart => 1,
                MappingEnd or SequenceEnd => -1,
                AnchorAlias => throw ApiStatusException.BadRequest(
                    "the YAML body uses an alias (*name), which is not read; write the value out"),
                _ => 0,
            };
            if (depth > LimitDepth)
            {
                throw ApiStatusException.BadRequest($"the YAML body is nested more than {LimitDepth} levels deep");
            }
        }
    }

    private static JsonNode? FromYaml(YamlNode node)
    {
        switch (node)
        {
            case YamlMappingNode map:
                var members = new JsonObject();
                foreach (var (key, child) in map.Children)
                {
                    var name = key as YamlScalarNode
                        ?? throw ApiStatusException.BadRequest($"the YAML body has a key at {key.Start} that is no text");
                    members[name.Value ?? ""] = FromYaml(child);
                }

                return members;
            case YamlSequenceNode list:
                return new JsonArray([.. list.Children.Select(FromYaml)]);
            default:
                return node is YamlScalarNode scalar ? FromScalar(scalar) : null;
        }
    }

    private static JsonValue? FromScalar(YamlScalarNode scalar)
    {
        var text = scalar.Value ?? "";
        if (scalar.Style is not (ScalarStyle.Plain or ScalarStyle.Any))
        {
            return JsonValue.Create(text);
        }

        return text switch
        {
            "" or "~" or "null" => null,
            "true" or "True" or "yes" => JsonValue.Create(true),
            "false" or "False" or "no" => JsonValue.Create(false),
            _ when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) =>
                JsonValue.Create(whole),
            _ when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real)
                && double.IsFinite(real) => JsonValue.Create(real),
            _ => JsonValue.Create(text),
        };
    }
}
