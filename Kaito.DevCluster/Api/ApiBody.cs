using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Kaito.DevCluster.Api;

/// <summary>Reads request bodies: JSON, or YAML where the media type says so.</summary>
internal static class ApiBody
{
    /// <summary>Large enough for any object that a real API server takes (its own limit is 3 MiB).</summary>
    private const int LimitBytes = 4 << 20;

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

    public static async Task<JsonObject> ReadObjectAsync(HttpRequest request, CancellationToken cancellationToken) =>
        await ReadAsync(request, cancellationToken) as JsonObject
        ?? throw ApiStatusException.BadRequest("the body must be one Kubernetes object");

    public static JsonNode? Parse(string text, string? mediaType)
    {
        try
        {
            return mediaType?.Contains("yaml", StringComparison.OrdinalIgnoreCase) == true && !IsJson(text)
                ? FromYaml(text)
                : JsonNode.Parse(text);
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

    private static JsonNode? FromYaml(string text)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        return stream.Documents.Count == 0 ? null : FromYaml(stream.Documents[0].RootNode, 0);
    }

    private static JsonNode? FromYaml(YamlNode node, int depth)
    {
        if (depth > 64)
        {
            throw ApiStatusException.BadRequest("the YAML body is nested more than 64 levels deep");
        }

        return node switch
        {
            YamlMappingNode map => new JsonObject(map.Children.Select(child =>
                KeyValuePair.Create(((YamlScalarNode)child.Key).Value ?? "", FromYaml(child.Value, depth + 1)))),
            YamlSequenceNode list => new JsonArray([.. list.Children.Select(item => FromYaml(item, depth + 1))]),
            YamlScalarNode scalar => FromScalar(scalar),
            _ => null,
        };
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
