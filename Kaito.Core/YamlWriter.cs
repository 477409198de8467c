using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Kaito.Core;

/// <summary>Writes JSON values as block-style YAML, the way kubectl does: two spaces, lists not indented.</summary>
public static partial class YamlWriter
{
    private static readonly JsonSerializerOptions s_quoted =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>One document, ending in a line feed; members keep their order.</summary>
    public static string Write(JsonNode document)
    {
        var text = new StringBuilder();
        WriteBlock(document, 0, text);
        return text.ToString();
    }

    private static void WriteBlock(JsonNode? node, int indent, StringBuilder text)
    {
        switch (node)
        {
            case JsonObject { Count: > 0 } map:
                WriteMap(map, indent, text);
                break;
            case JsonArray { Count: > 0 } list:
                foreach (var item in list)
                {
                    text.Append(' ', indent).Append("- ");
                    WriteItem(item, indent + 2, text);
                }

                break;
            default:
                text.Append(' ', indent).Append(Scalar(node)).Append('\n');
                break;
        }
    }

    private static void WriteMap(JsonObject map, int indent, StringBuilder text)
    {
        foreach (var (key, value) in map)
        {
            text.Append(' ', indent).Append(Text(key)).Append(':');
            switch (value)
            {
                case JsonObject { Count: > 0 }:
                    text.Append('\n');
                    WriteBlock(value, indent + 2, text);
                    break;
                case JsonArray { Count: > 0 }:
                    text.Append('\n');
                    WriteBlock(value, indent, text);
                    break;
                default:
                    text.Append(' ').Append(Scalar(value)).Append('\n');
                    break;
            }
        }
    }

    // The dash has been written: what follows starts on its line.
    private static void WriteItem(JsonNode? item, int indent, StringBuilder text)
    {
        var start = text.Length;
        WriteBlock(item, indent, text);
        text.Remove(start, indent);
    }

    private static string Scalar(JsonNode? node) => node switch
    {
        null => "null",
        JsonObject => "{}",
        JsonArray => "[]",
        JsonValue value when value.GetValueKind() == JsonValueKind.String => Text(value.GetValue<string>()),
        _ => node.ToJsonString(),
    };

    private static string Text(string value) => Plain().IsMatch(value) && !Reserved().IsMatch(value)
        ? value
        : JsonSerializer.Serialize(value, s_quoted);

    // No indicator at the start, no ": " and no " #" inside, no space at either end.
    [GeneratedRegex(@"^[A-Za-z/$.][^\u0000-\u001f:#\u007f-\uffff]*(?<! )\z", RegexOptions.CultureInvariant)]
    private static partial Regex Plain();

    // What a YAML 1.1 or 1.2 reader takes for something else than text.
    [GeneratedRegex(
        @"^(true|false|yes|no|on|off|y|n|null|\.nan|[-+]?\.?inf|[-+.]?[0-9].*)\z",
        RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex Reserved();
}
